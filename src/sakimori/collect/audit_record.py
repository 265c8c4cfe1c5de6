"""One record of Linux' audit system: the line that auditd writes, its fields decoded as auditd's own tools do.

``[node=HOST ]type=TYPE msg=audit(SECONDS.MILLIS:SERIAL): NAME=VALUE …``; with ``log_format = ENRICHED`` the names that
numbers stood for follow a group separator (U+001D) in upper case. Source: the Linux Audit documentation project's
specifications of event and field formats, and libauparse's ``interpret.c`` for what is encoded how.
"""

import ipaddress
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, cast

import yaml

from sakimori.collect.shapes import Fields, ShapeError
from sakimori.core import Nanos
from sakimori.core.clock import NANOS_PER_SECOND

HEADER = re.compile(
    rb"(?:node=(\S{1,255}) )?type=([A-Za-z0-9_\[\]]{1,64}) msg=audit\((\d{1,10})\.(\d{1,9}):(\d{1,20})\): ?"
)
"""Node, type, seconds, fraction, serial."""


class AuditRecord(NamedTuple):
    type: str
    node: str
    """The host that the event happened on, where the forwarding daemon named it; else empty."""
    time: Nanos
    fields: Fields
    repaired: bool


_FIELD = re.compile(r"""(?<![^\s,(])([A-Za-z_][\w.\[\]-]*)=("[^"]*"|\{[^{}]*\}|[^\s"{][^\s]*|"[^\s]*|\{)?""")
_AVC = re.compile(r"avc:\s{1,8}(granted|denied)\s{1,8}\{ ([^{}]*) \} for\s")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_NUMBERED = re.compile(r"a\d{1,7}(?:\[\d{1,7}\])?")
_ENCODED = frozenset(
    [
        *("acct", "cgroup", "cmd", "comm", "cwd", "data", "device", "dir", "exe", "file", "grp", "key", "name"),
        *("new-disk", "new-fs", "new-rng", "ocomm", "old-disk", "old-fs", "old-rng", "path", "proctitle", "root_dir"),
        *("sw", "vm", "watch"),
    ]
)
"""Fields with text from users: quoted, or in hexadecimal digits where it holds spaces, quotes or control characters."""


def parse(line: bytes) -> AuditRecord:
    """Of a field that a record holds twice, the first stands, as with libauparse. ``(null)`` is null.

    Raises:
        ShapeError: no audit record.
    """
    header = HEADER.match(line)
    if header is None:
        raise ShapeError("no audit record: a line of auditd begins with type=… msg=audit(…)")
    try:
        text, repaired = line[header.end() :].decode(), False
    except UnicodeDecodeError:
        text, repaired = line[header.end() :].decode("utf-8", "replace"), True
    kind = header[2].decode()
    fields: Fields = {}
    text, _, names = text.partition("\x1d")
    start, end = text.find("msg='"), text.rfind("'")
    if 0 <= start < end - 4:
        _take(fields, kind, text[:start])
        _take(fields, kind, text[start + 5 : end])
        text = text[end + 1 :]
    if avc := _AVC.search(text):
        fields["seresult"], fields["seperms"] = avc[1], avc[2]
    _take(fields, kind, text)
    _take(fields, kind, names)
    _interpret(fields)
    time = int(header[3]) * NANOS_PER_SECOND + int(header[4].ljust(9, b"0"))
    repaired = repaired or any("\ufffd" in value for value in fields.values() if value.__class__ is str)
    return AuditRecord(kind, (header[1] or b"").decode("utf-8", "replace"), time, fields, repaired)


def _take(fields: Fields, kind: str, text: str) -> None:
    for name, value in cast("list[tuple[str, str]]", _FIELD.findall(text)):
        if name not in fields:
            fields[name] = _value(name, value, kind)


def _value(name: str, value: str, kind: str) -> Any:
    if value[:1] in ('"', "{"):
        return value.strip('"') if value[0] == '"' else value[1:-1].strip()
    if value == "(null)":
        return None
    if (name in _ENCODED or (kind == "EXECVE" and _NUMBERED.fullmatch(name))) and _HEX.fullmatch(value):
        plain = bytes.fromhex(value).decode("utf-8", "replace")
        if name == "proctitle":
            return plain.rstrip("\0").replace("\0", " ")
        return plain.split("\x01") if name == "key" and "\x01" in plain else plain
    return value.rstrip(",)") if "(" not in value else value  # programs wrote "(hostname=?, addr=?)" once


def _interpret(fields: Fields) -> None:
    """Add what ``ENRICHED`` would have said of a number, where that needs no knowledge of the host."""
    arch, number = fields.get("arch"), fields.get("syscall")
    if isinstance(number, str) and isinstance(arch, str) and "SYSCALL" not in fields:
        name = _syscalls().get(arch, {}).get(number)
        if name:
            fields["SYSCALL"] = name
    address = fields.get("saddr")
    if isinstance(address, str) and _HEX.fullmatch(address):
        for name, value in _socket_address(bytes.fromhex(address)).items():
            fields.setdefault(name, value)


@cache
def _syscalls() -> Mapping[str, Mapping[str, str]]:
    text = files("sakimori.content").joinpath("mappings", "linux_syscalls.yaml").read_text("utf-8")
    plain = cast("dict[str, dict[int, str]]", yaml.safe_load(text))
    return {
        arch: {str(first + more): name for first, names in runs.items() for more, name in enumerate(names.split())}
        for arch, runs in plain.items()
    }


def _socket_address(raw: bytes) -> Fields:
    """A ``struct sockaddr`` of a little-endian machine, under the names that ``ENRICHED`` has."""
    family = int.from_bytes(raw[:2], "little")
    if family == 2 and len(raw) >= 8:
        return _internet("inet", raw[4:8], raw[2:4])
    if family == 10 and len(raw) >= 24:
        return _internet("inet6", raw[8:24], raw[2:4])
    if family == 1:
        return {"saddr_fam": "local", "path": raw[2:].strip(b"\0").partition(b"\0")[0].decode("utf-8", "replace")}
    return {}


def _internet(family: str, address: bytes, port: bytes) -> Fields:
    return {
        "saddr_fam": family,
        "laddr": str(ipaddress.ip_address(address)),
        "lport": str(int.from_bytes(port, "big")),
    }
