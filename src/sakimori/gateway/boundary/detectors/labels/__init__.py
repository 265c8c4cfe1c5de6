"""What stands beside a label or under one."""
