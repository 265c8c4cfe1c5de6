"""Sharing: records in, documents for people out. Here: the report, one self-contained HTML file in two languages."""

from sakimori.share.contents import (
    Case,
    DrillOutcome,
    EgressSample,
    LedgerState,
    Reading,
    Report,
    Undoing,
)
from sakimori.share.report import render

__all__ = ["Case", "DrillOutcome", "EgressSample", "LedgerState", "Reading", "Report", "Undoing", "render"]
