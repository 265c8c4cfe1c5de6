"""The service: wires the rooms. ``scan_paths`` looks over telemetry at rest; ``Defence`` defends live.

``installation(settings, clock)`` opens what an install keeps: database, secrets, ledger.
"""

from typing import TYPE_CHECKING

from sakimori.core import lazy
from sakimori.service.installation import Installation, installation

if TYPE_CHECKING:
    from sakimori.service.defence import LATENESS, Defence, Development, Means
    from sakimori.service.export import ExportResult, export_paths
    from sakimori.service.matching import RuleSet, Team
    from sakimori.service.rules import own_rules
    from sakimori.service.scan import ScanResult, scan_paths
else:
    __getattr__ = lazy.exports(
        __name__,
        {
            "defence": ("LATENESS", "Defence", "Development", "Means"),
            "export": ("ExportResult", "export_paths"),
            "matching": ("RuleSet", "Team"),
            "rules": ("own_rules",),
            "scan": ("ScanResult", "scan_paths"),
        },
    )

__all__ = [
    "LATENESS",
    "Defence",
    "Development",
    "ExportResult",
    "Installation",
    "Means",
    "RuleSet",
    "ScanResult",
    "Team",
    "export_paths",
    "installation",
    "own_rules",
    "scan_paths",
]
