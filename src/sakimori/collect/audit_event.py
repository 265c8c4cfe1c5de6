"""An event of Linux' audit system: the records that one system call (or program) caused, as Sigma's rules ask for them.

SigmaHQ's rules for ``service: auditd`` ask about single records (``type: EXECVE`` with ``a0``; ``type: PATH`` with
``name`` and ``nametype``), others about what holds for the whole (``key``, ``exe``). So that both fire, once:

- All records but PATH are one event. Its ``type`` is an array of theirs, so a rule on any one of them fires; where they
  have the same field, SYSCALL's stands, else the first one's; but ``a0``, ``a1``, … are EXECVE's where there is one:
  those of SYSCALL are then addresses in memory that nobody asks for.
- Each PATH is an event of its own, because ``name`` and ``nametype`` belong together and a rule that excludes a name
  means this path, not another one of the event. It also says who did it (``CONTEXT``), but has no ``key``: a rule on a
  key fires once per event, not once per path.
- Any further record of a type that was there already (a second AVC) is an event of its own, too. Long command lines
  are cut by the kernel into several EXECVE: these are put together.

The names of PATH are made absolute with the event's CWD, as libauparse does: ``cd /etc; vi shadow`` is ``/etc/shadow``.
"""

import posixpath
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sakimori.collect.audit_record import AuditRecord, parse
from sakimori.collect.shapes import Fields, Shaped

CHANNEL = "auditd"
CONTEXT = (
    *("SYSCALL", "syscall", "arch", "success", "exit", "exe", "comm", "pid", "ppid", "tty", "ses", "cwd"),
    *("auid", "uid", "gid", "euid", "suid", "fsuid", "egid", "AUID", "UID", "GID", "EUID"),
)
"""What an event of a PATH takes over from the others."""
_SHORT = 4096
"""Bytes of a line that is worth remembering."""
_ARGUMENT = re.compile(r"(a\d{1,7})(?:\[(\d{1,7})\])?")


def event(raw: bytes) -> Shaped:
    """The event in lines of auditd: a PATH and what is its context, or all other records of an event.

    Raises:
        ShapeError: a line is no audit record.
    """
    first, *others = [_parsed(line) if len(line) < _SHORT else parse(line) for line in raw.split(b"\n")]
    fields: Fields = {}
    types: Any = first.type
    code = first.type
    if first.type == "PATH":
        fields = {**first.fields, **_context(first.fields, others)}
        if isinstance(name := fields.get("name"), str):
            fields["name"] = _absolute(name, fields.get("cwd"))
    else:
        records = [first, *others]
        for record in sorted(records, key=lambda record: record.type != "SYSCALL"):
            fields = {**record.fields, **fields}
        if arguments := _arguments([record.fields for record in records if record.type == "EXECVE"]):
            fields = {name: value for name, value in fields.items() if not _ARGUMENT.fullmatch(name)} | arguments
        kinds = list(dict.fromkeys(record.type for record in records))
        types = kinds if len(kinds) > 1 else first.type
        code = "SYSCALL" if "SYSCALL" in kinds else first.type
    if first.node:
        fields["node"] = first.node
    repaired = any(record.repaired for record in (first, *others))
    return Shaped(("linux", CHANNEL, code), first.time, {**fields, "type": types}, repaired)


_parsed = lru_cache(64)(parse)  # a PATH's context comes again with the next PATH


def _context(own: Fields, others: Sequence[AuditRecord]) -> Fields:
    context: Fields = {}
    for record in others:
        for name in CONTEXT:
            if name in record.fields and name not in own:
                context.setdefault(name, record.fields[name])
    return context


def _arguments(records: Sequence[Fields]) -> Fields:
    """``argc``, ``a0``, …, of one or more EXECVE; ``a3[0]``, ``a3[1]``, … are the pieces of one long argument."""
    found: Fields = {}
    pieces: dict[str, list[str]] = {}
    for fields in records:
        for name, value in fields.items():
            match = _ARGUMENT.fullmatch(name)
            if match and match[2] is not None and isinstance(value, str):
                pieces.setdefault(match[1], []).append(value)
            elif match or name == "argc":
                found.setdefault(name, value)
    for name, texts in pieces.items():
        found.setdefault(name, "".join(texts))
    return found


def _absolute(name: str, cwd: object) -> str:
    if not name.startswith("/"):
        if not isinstance(cwd, str) or not cwd.startswith("/"):
            return name
        name = f"{cwd}/{name}"
    return posixpath.normpath("/" + name.lstrip("/"))
