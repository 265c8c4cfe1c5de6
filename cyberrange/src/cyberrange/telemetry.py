"""What the bank's collectors write: Windows events in the flat NXLog shape, helpdesk tickets; one NDJSON file per log.

Records of one file are in order of time. A record is written when ``flush`` reaches its time, so that what a reader
sees depends on simulated time only, not on the size of the steps that brought it there.
"""

import json
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from cyberrange.clock import rfc3339

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Fields = dict[str, object]


class Log(Enum):
    """A channel: file, channel name, provider, its GUID, keywords."""

    SYSMON = (
        "sysmon",
        "Microsoft-Windows-Sysmon/Operational",
        "Microsoft-Windows-Sysmon",
        "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}",
    )
    SECURITY = (
        "security",
        "Security",
        "Microsoft-Windows-Security-Auditing",
        "{54849625-5478-4994-A5BA-3E3B0328C30D}",
    )
    EVENTLOG = ("security", "Security", "Microsoft-Windows-Eventlog", "{FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148}")
    SYSTEM = ("system", "System", "Service Control Manager", "{555908D1-A6D7-4695-8E1E-26931D2012F4}")
    SYSTEM_EVENTLOG = ("system", "System", "Microsoft-Windows-Eventlog", "{FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148}")


# Event id: (Version, Task) as the providers' manifests have them.
_SYSMON = {
    1: (5, 1),
    3: (5, 3),
    10: (3, 10),
    11: (2, 11),
    12: (2, 12),
    13: (2, 13),
    17: (1, 17),
    18: (1, 18),
    22: (5, 22),
}
_OTHERS = {
    104: (0, 104),
    1102: (0, 104),
    4624: (2, 12544),
    4625: (0, 12544),
    4634: (0, 12545),
    4648: (0, 12544),
    4672: (0, 12548),
    4724: (0, 13824),
    4738: (0, 13824),
    4768: (0, 14339),
    4769: (0, 14337),
    4776: (0, 14336),
    5140: (1, 12808),
    5145: (0, 12811),
    7045: (0, 0),
}


class TelemetryError(Exception):
    """The folder cannot be used: one sentence that says why and what to do."""


class Telemetry:
    """Writes under ``folder``; ``close`` when done."""

    def __init__(self, folder: Path) -> None:
        """Raises TelemetryError where the folder already holds a run: appending would mix two days."""
        folder.mkdir(parents=True, exist_ok=True)
        names = (*sorted({log.value[0] for log in Log}), "helpdesk")
        self._files: dict[str, BinaryIO] = {}
        for name in names:
            path = folder / f"{name}.ndjson"
            try:
                self._files[name] = path.open("xb")
            except FileExistsError as error:
                raise TelemetryError(f"{path} already holds a run: choose another --out folder") from error
        self._waiting: dict[str, list[tuple[int, int, str]]] = {name: [] for name in names}
        self._count = 0
        self._envelopes: dict[tuple[str, Log, int], Fields] = {}
        self._record_numbers: dict[tuple[str, str], int] = {}

    @property
    def count(self) -> int:
        """Records made so far."""
        return self._count

    def windows(self, log: Log, at: int, host: str, event_id: int, fields: Fields) -> None:
        """One Windows event of ``host``; ``fields`` are its EventData (and may override the envelope)."""
        envelope = self._envelopes.get((host, log, event_id)) or self._envelope(log, host, event_id)
        channel = (host, log.value[1])
        number = self._record_numbers.get(channel, 40_000 + len(self._record_numbers) * 911) + 1
        self._record_numbers[channel] = number
        self._append(log.value[0], at, {"@timestamp": rfc3339(at), **envelope, "RecordNumber": number, **fields})

    def ticket(self, at: int, fields: Fields) -> None:
        self._append("helpdesk", at, {"log": "helpdesk", "@timestamp": rfc3339(at), **fields})

    def _envelope(self, log: Log, host: str, event_id: int) -> Fields:
        name, channel, provider, guid = log.value
        version, task = _SYSMON[event_id] if name == "sysmon" else _OTHERS[event_id]
        envelope: Fields = {
            "Hostname": host,
            "Channel": channel,
            "SourceName": provider,
            "ProviderGuid": guid,
            "EventID": event_id,
            "Version": version,
            "Task": task,
            "Opcode": "Info",
            "Keywords": "0x8020000000000000" if name == "security" else "0x8000000000000000",
            "Severity": "INFO",
            "SeverityValue": 2,
        }
        if name == "sysmon":
            envelope |= {"UserID": "S-1-5-18", "AccountName": "SYSTEM", "Domain": "NT AUTHORITY", "AccountType": "User"}
        self._envelopes[host, log, event_id] = envelope
        return envelope

    def _append(self, name: str, at: int, record: Fields) -> None:
        self._count += 1
        self._waiting[name].append((at, self._count, _encode(record)))

    def flush(self, until: int) -> None:
        """Write every record up to and including ``until``; later ones wait."""
        for name, waiting in self._waiting.items():
            waiting.sort()
            due = next((i for i, (at, _, _) in enumerate(waiting) if at > until), len(waiting))
            if due:
                file = self._files[name]
                file.write("".join([f"{line}\n" for _, _, line in waiting[:due]]).encode())
                file.flush()
                del waiting[:due]

    def close(self) -> None:
        for file in self._files.values():
            file.close()
