"""The service: wires the rooms. ``scan_paths`` looks over telemetry at rest; ``Defence`` defends live.

``installation(settings, clock)`` opens what an install keeps: database, secrets, ledger.
"""

from sakimori.service.defence import LATENESS, Defence, Development, Means
from sakimori.service.installation import Installation, installation
from sakimori.service.rules import own_rules
from sakimori.service.scan import ScanResult, scan_paths

__all__ = [
    "LATENESS",
    "Defence",
    "Development",
    "Installation",
    "Means",
    "ScanResult",
    "installation",
    "own_rules",
    "scan_paths",
]
