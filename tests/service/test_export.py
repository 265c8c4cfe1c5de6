"""Hunting in an export finds what a scan of the original files finds."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from sakimori.collect import export, read
from sakimori.core import ManualClock
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch, Finding
from sakimori.service import own_rules

_KEYWORDS = """
title: Keywords
id: 5f0c8d5e-8f30-4f4f-9d7e-0a3c3c2f9a01
logsource: {product: windows}
detection:
    keywords: [mimikatz, 'privilege::debug', powershell]
    condition: keywords
level: high
"""


def _findings(paths: Iterable[Path], rules: list[Path], *, told: bool = True) -> dict[str, Finding]:
    detector = SigmaDetector.load(rules)
    found: list[Finding] = []
    items = read(
        paths,
        tenant="bank",
        clock=ManualClock(0),
        wanted=detector.wanted,
        told=detector.told if told else (),
    )
    for item in items:
        if isinstance(item, EventBatch):
            found += detector.detect(item)
    return {finding.id: finding for finding in found}


@pytest.mark.parametrize("told", [True, False])
def test_public_logs_give_the_same_findings_from_their_export(shared: Path, tmp_path: Path, told: bool) -> None:
    """Keywords, which ask about every field, included; whether or not what findings show was read beforehand."""
    logs = sorted((shared / "corpora/evtx-to-mitre").rglob("*.evtx"), key=lambda path: (path.stat().st_size, path))[:60]
    (tmp_path / "keywords.yml").write_text(_KEYWORDS)
    rules = [own_rules(), tmp_path / "keywords.yml"]
    list(export(logs, tmp_path / "out", tenant="bank", clock=ManualClock(0)))
    expected = _findings(logs, rules)
    assert expected
    assert _findings([tmp_path / "out"], rules, told=told) == expected
