"""Audit records: fields as auditd's own tools show them. Samples after the Linux Audit documentation project."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.audit_record import parse
from sakimori.collect.shapes import ShapeError

_HEAD = b"type=%s msg=audit(1364481363.243:24287): "


def _fields(kind: bytes, text: bytes) -> dict[str, object]:
    return parse(_HEAD % kind + text).fields


def test_header() -> None:
    record = parse(b'node=web1.bank.example type=CWD msg=audit(1364481363.243:24287):  cwd="/home/shadowman"')
    assert (record.type, record.node, record.time) == ("CWD", "web1.bank.example", 1_364_481_363_243_000_000)
    assert record.fields == {"cwd": "/home/shadowman"}


@pytest.mark.parametrize(
    ("kind", "text", "name", "value"),
    [
        (b"SYSCALL", b'a0=7fff comm="cat"', "a0", "7fff"),
        (b"SYSCALL", b"comm=636174207831", "comm", "cat x1"),
        (b"SYSCALL", b"key=(null)", "key", None),
        (b"SYSCALL", b'key="sshd_config"', "key", "sshd_config"),
        (b"SYSCALL", b"key=610162", "key", ["a", "b"]),
        (b"EXECVE", b"a1=E998B2E4BABA20", "a1", "防人 "),
        (b"SYSCALL", b"a1=CAFE", "a1", "CAFE"),
        (b"PROCTITLE", b"proctitle=636174002F6574632F736861646F7700", "proctitle", "cat /etc/shadow"),
        (b"PROCTITLE", b'proctitle="cat"', "proctitle", "cat"),
        (b"PATH", b"name=2F746D702F6120 nametype=CREATE", "nametype", "CREATE"),
        (b"SYSCALL", b"arch=c000003e syscall=59 comm=x\x1dARCH=x86_64 SYSCALL=execve", "SYSCALL", "execve"),
        (b"SYSCALL", b"arch=c000003e syscall=41", "SYSCALL", "socket"),
        (b"SYSCALL", b"arch=c00000b7 syscall=221", "SYSCALL", "execve"),
        (b"SOCKADDR", b"saddr=02000050C0A80001", "laddr", "192.168.0.1"),
        (b"SOCKADDR", b"saddr=0A00115C0000000020010DB8000000000000000000000001", "laddr", "2001:db8::1"),
        (b"SOCKADDR", b"saddr=01002F72756E2F7800", "path", "/run/x"),
        (b"SOCKADDR", b"saddr=02", "saddr", "02"),
        (b"USER_LOGIN", b"pid=1 msg='op=login acct=\"o'neil\" addr=1.2.3.4 res=failed'", "acct", "o'neil"),
        (b"USER_AUTH", b"msg='PAM: authentication acct=\"x\" : (hostname=h, addr=?, res=success)'", "hostname", "h"),
        (b"AVC", b'avc:  denied  { read write } for  pid=1 comm="httpd"', "seperms", "read write"),
        (b"USER_AUTH", b"uid=0 msg='uid=5 rhost='", "uid", "0"),
    ],
)
def test_values(kind: bytes, text: bytes, name: str, value: object) -> None:
    assert _fields(kind, text)[name] == value


def test_the_first_of_two_fields_stands() -> None:
    assert _fields(b"SYSCALL", b'exe="/bin/a" exe="/bin/b"') == {"exe": "/bin/a"}


@pytest.mark.parametrize("line", [b"", b"type=CWD", b"type= msg=audit(1.2:3): ", b"x type=CWD msg=audit(1.2:3): a=1"])
def test_other_lines_are_no_records(line: bytes) -> None:
    with pytest.raises(ShapeError, match="no audit record"):
        parse(line)


@given(st.binary(max_size=60))
def test_any_command_line_argument_comes_back(argument: bytes) -> None:
    """The kernel quotes an argument, or where it cannot, writes it in hexadecimal digits."""
    plain = all(0x21 <= byte < 0x7F and byte != 0x22 for byte in argument)
    written = b'"' + argument + b'"' if plain else argument.hex().upper().encode()
    assert _fields(b"EXECVE", b"argc=1 a0=" + written) == {"argc": "1", "a0": argument.decode("utf-8", "replace")}


@pytest.mark.parametrize(
    "piece", [b"a", b'k="', b"k={", b"k='", b"msg='", b"avc: denied { ", b"k=", b" ", b"(", b"\x1d"]
)
def test_time_is_linear_in_a_hostile_line(piece: bytes) -> None:
    """Were it the square, the suite would not end."""
    assert parse(_HEAD % b"SYSCALL" + piece * (4_000_000 // len(piece))).type == "SYSCALL"
