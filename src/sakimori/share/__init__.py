"""Sharing: records in, documents for people out: the report and the rules' coverage of ATT&CK.

Each is one self-contained HTML file in two languages.
"""

from sakimori.share.contents import (
    Case,
    DrillOutcome,
    EgressSample,
    LedgerState,
    Reading,
    Report,
    Undoing,
)
from sakimori.share.coverage import CoveredRule, coverage_matrix, render_coverage
from sakimori.share.report import render

__all__ = [
    "Case",
    "CoveredRule",
    "DrillOutcome",
    "EgressSample",
    "LedgerState",
    "Reading",
    "Report",
    "Undoing",
    "coverage_matrix",
    "render",
    "render_coverage",
]
