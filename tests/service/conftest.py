"""An install of its own, a few rules, and Windows events to write into logs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sakimori.core import ManualClock, Settings
from sakimori.detect import SigmaDetector
from sakimori.service import Installation, installation, own_rules

NOW = 1_800_000_000_000_000_000
ENCODED = "powershell.exe -WindowStyle hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAKQA="
DUMP = "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 624 C:\\Temp\\lsass.dmp full"
HARMLESS = "powershell.exe Get-Date"


def line(minute: int, command: str, *, host: str = "ws-01.bank.example", user: str = "tanaka") -> bytes:
    """One process creation as NXLog writes Sysmon's."""
    event = {
        "@timestamp": f"2026-06-16T{minute // 60:02d}:{minute % 60:02d}:00.000Z",
        "Hostname": host,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "SourceName": "Microsoft-Windows-Sysmon",
        "Image": f"C:\\Windows\\System32\\{command.split()[0]}",
        "CommandLine": command,
        "User": f"BANK\\{user}",
    }
    return json.dumps(event).encode() + b"\n"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def install(tmp_path: Path, clock: ManualClock) -> Iterator[Installation]:
    settings = Settings(home=tmp_path / "home", tenant="bank", language="en")
    with installation(settings, clock) as opened:
        yield opened


@pytest.fixture
def detector(tmp_path: Path) -> SigmaDetector:
    """Our own rules for encoded PowerShell and for dumping LSASS, and nothing else."""
    names = ("proc_creation_powershell_encoded_hidden.yml", "proc_creation_lsass_dump_comsvcs.yml")
    return SigmaDetector.load([own_rules() / name for name in names], cache_dir=tmp_path / "cache")
