"""Machines, accounts and secrets, and what connects them."""
