"""Messages of Unix programs. Samples after OpenSSH's auth.c and packet.c, and the manuals of sudo, shadow and cron."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.unix_messages import channel_of, fields_of


@pytest.mark.parametrize(
    ("program", "message", "fields"),
    [
        (
            "sshd",
            "Accepted publickey for alice from 2001:db8::1 port 50000 ssh2: ED25519 SHA256:abc",
            {"action": "Accepted", "method": "publickey", "user": "alice", "src_ip": "2001:db8::1", "src_port": "50000"}
            | {"key_type": "ED25519", "key": "SHA256:abc"},
        ),
        (
            "sshd-session",
            "Failed password for invalid user admin from 203.0.113.9 port 51422 ssh2",
            {"action": "Failed", "method": "password", "user": "admin", "src_ip": "203.0.113.9", "src_port": "51422"},
        ),
        (
            "sshd",
            "Invalid user oracle from 203.0.113.9 port 40000",
            {"action": "Invalid", "user": "oracle", "src_ip": "203.0.113.9", "src_port": "40000"},
        ),
        (
            "sshd",
            "Connection closed by authenticating user root 203.0.113.9 port 40000 [preauth]",
            {"action": "Connection closed", "user": "root", "src_ip": "203.0.113.9", "src_port": "40000"},
        ),
        (
            "sshd",
            "Received disconnect from 203.0.113.9 port 40000:11: Bye Bye [preauth]",
            {"action": "Received disconnect", "src_ip": "203.0.113.9", "src_port": "40000"},
        ),
        (
            "sshd",
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.9 user=bob",
            {"pam_service": "sshd", "pam_type": "auth", "action": "authentication failure", "uid": "0", "tty": "ssh"}
            | {"src_ip": "10.0.0.9", "user": "bob"},
        ),
        (
            "sudo",
            "   alice : TTY=pts/0 ; PWD=/home/alice ; USER=#-1 ; COMMAND=/bin/sh -c 'a ; USER=x'",
            {
                "user": "alice",
                "TTY": "pts/0",
                "PWD": "/home/alice",
                "USER": "#-1",
                "COMMAND": "/bin/sh -c 'a ; USER=x'",
            },
        ),
        (
            "sudo",
            "bob : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/su",
            {"user": "bob", "reason": "user NOT in sudoers", "TTY": "pts/1", "PWD": "/", "USER": "root"}
            | {"COMMAND": "/bin/su"},
        ),
        ("su", "(to root) alice on pts/0", {"target_user": "root", "user": "alice", "tty": "pts/0"}),
        (
            "su",
            "FAILED SU (to root) alice on pts/0",
            {"action": "FAILED", "target_user": "root", "user": "alice", "tty": "pts/0"},
        ),
        (
            "useradd",
            "new user: name=john, UID=0, GID=0, home=/home/john, shell=/bin/bash, from=/dev/pts/1",
            {"action": "new user", "user": "john", "uid": "0", "gid": "0", "home": "/home/john", "shell": "/bin/bash"}
            | {"tty": "/dev/pts/1"},
        ),
        ("usermod", "add 'alice' to group 'sudo'", {"action": "add", "user": "alice", "group": "sudo"}),
        ("CRON", "(root) CMD (cd / && run-parts)", {"user": "root", "action": "CMD", "command": "cd / && run-parts"}),
        ("crontab", "(bob) REPLACE (bob)", {"user": "bob", "action": "REPLACE", "command": "bob"}),
        ("systemd-logind", "New session 5 of user alice.", {"action": "New session", "session": "5", "user": "alice"}),
        ("sshd", "Server listening on 0.0.0.0 port 22.", {}),
        ("sudo", "alice : something else", {}),
        ("backup", "Failed password for a from 10.0.0.1 port 5 ssh2", {}),
    ],
)
def test_messages(program: str, message: str, fields: dict[str, str]) -> None:
    assert fields_of(program, message) == fields


@given(st.text(max_size=60), st.ip_addresses(), st.integers(1, 65535))
def test_no_user_name_changes_where_somebody_came_from(user: str, address: object, port: int) -> None:
    """sshd writes the name as it was sent, and the address behind it."""
    tricky = f"{user} from 10.9.9.9 port 1 ssh2: RSA SHA256:x"
    fields = fields_of("sshd", f"Failed password for invalid user {tricky} from {address} port {port} ssh2")
    assert (fields["user"], fields["src_ip"], fields["src_port"]) == (tricky, str(address), str(port))


@pytest.mark.parametrize("program", ["sshd", "sudo", "su", "useradd", "cron", "systemd-logind"])
@pytest.mark.parametrize(
    "message",
    [
        "Failed password for" + " from 1.1.1.1 port 1: a b" * 200_000 + "\nx",
        "Connection closed by user" + " 1.1.1.1 port 1" * 200_000,
        "a : TTY=x ; PWD=" + " ; CHROOT= ; USER=a ; ENV=" * 200_000,
        "(to x) " + " on a" * 500_000 + " ",
        "(" * 1_000_000,
        "pam_unix(x:y): authentication failure; logname=" + " " * 1_000_000,
    ],
    ids=["from", "closed", "sudo", "su", "open", "pam"],
)
def test_time_is_linear_in_a_hostile_message(program: str, message: str) -> None:
    """Were it the square, the suite would not end."""
    assert isinstance(fields_of(program, message), dict)


@pytest.mark.parametrize(
    ("program", "facility", "channel"),
    [
        ("sshd", None, "sshd"),
        ("sudo", 10, "sudo"),
        ("CRON", 9, "cron"),
        ("su", None, "auth"),
        ("anything", 10, "auth"),
        ("anything", 3, "syslog"),
        ("", None, "syslog"),
        ("clamd", 3, "clamav"),
    ],
)
def test_the_service_is_told_by_the_program_then_by_the_facility(
    program: str, facility: int | None, channel: str
) -> None:
    assert channel_of(program, facility) == channel
