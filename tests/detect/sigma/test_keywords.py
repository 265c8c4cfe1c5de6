"""Keywords ask about every field, and are found whether or not every field has a column."""

import json
import re
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.batches import Batches
from sakimori.detect import SigmaDetector
from sakimori.detect.sigma.text import FOLDED_INTO_ASCII, fold
from sakimori.records import EventKind, Finding, Source

_RULE = """
title: Keywords
id: 5f0c8d5e-8f30-4f4f-9d7e-0a3c3c2f9a{number:02x}
logsource: {{product: windows}}
detection:
    keywords: [{keyword}]
    condition: keywords
level: high
"""
_KEYWORDS = [
    "mimikatz",
    "event::clear",
    " -WMI Task ",
    "Kiss",
    "some*thing:x",
    "防人",
    "12345",
    "true",
    "0x2000",
    '"a":tr',
]
_SOURCE = Source(tenant="bank", digest="ab" * 32, path="x", format="ndjson", size=1)


def _detector(folder: Path, keywords: list[str]) -> SigmaDetector:
    for number, keyword in enumerate(keywords):
        text = _RULE.format(number=number, keyword=orjson.dumps(keyword).decode())
        (folder / f"{number}.yml").write_text(text, "utf-8")
    return SigmaDetector.load([folder])


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> list[SigmaDetector]:
    """Of keywords that can be searched for in the raw record, and of all."""
    return [
        _detector(tmp_path_factory.mktemp("some"), _KEYWORDS[:4]),
        _detector(tmp_path_factory.mktemp("all"), _KEYWORDS),
    ]


@st.composite
def _texts(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from([*_KEYWORDS, "ab", "event:", ":clear", "", "some", "thing:x"]))
    letters = [
        draw(st.sampled_from([c, c.upper(), *(o for o in FOLDED_INTO_ASCII if fold(o) == c.lower())])) for c in text
    ]
    return draw(st.sampled_from(["", "x", "\\", '"'])) + "".join(letters) + draw(st.sampled_from(["", "y", "\n", "\0"]))


_VALUES = _texts() | st.sampled_from([12345, 1.2345e4, True, 0x2000, None]) | st.lists(_texts(), max_size=2)


def _spelled(draw: st.DrawFn, value: object) -> str:
    """JSON with some characters written by their numbers, as any writer may."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return "{{{}}}".format(", ".join(f"{_spelled(draw, name)}: {_spelled(draw, item)}" for name, item in members))
    if isinstance(value, str) and draw(st.integers(0, 3)) == 0:
        return '"{}"'.format("".join(f"\\u{ord(c):04x}" if draw(st.booleans()) else json.dumps(c)[1:-1] for c in value))
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def _records(draw: st.DrawFn) -> bytes:
    values = {f"f{index}": value for index, value in enumerate(draw(st.lists(_VALUES, max_size=3)))}
    shape = draw(st.integers(0, 3))
    head: dict[str, Any] = {"Channel": "x", "EventID": 1}
    if shape == 0:
        record: dict[str, Any] = {**head, "Keywords": draw(st.sampled_from([-1, 0x2000])), **values}
    elif shape == 1:
        record = {"Event": {"System": head, "EventData": {**values, "deep": {"a": True}}}}
    elif shape == 2:
        record = {"winlog": {"channel": "x", "event_id": 1, "event_data": values}}
    else:
        data = "".join(f"<Data>{_in_xml(draw, str(value))}</Data>" for value in values.values())
        record = {**head, "EventData": f"<EventData>{data}</EventData>"}
    return _spelled(draw, record).encode()


def _in_xml(draw: st.DrawFn, text: str) -> str:
    plain = re.sub(r"[^ -~\u0100-\uffff]", "", text)
    return "".join(f"&#{ord(c)};" if c in '<&"' or draw(st.integers(0, 2)) == 0 else c for c in plain)


def _findings(detector: SigmaDetector, records: list[bytes], *, pruned: bool) -> list[Finding]:
    batches = Batches(_SOURCE, wanted=detector.wanted) if pruned else Batches(_SOURCE)
    for offset, raw in enumerate(records):
        batches.add(offset, raw, now=0)
    return [finding for batch in batches.take(ingested=0) for finding in detector.detect(batch)]


@given(st.lists(_records(), min_size=1, max_size=12))
def test_columns_or_not_keywords_are_found_alike(detectors: list[SigmaDetector], records: list[bytes]) -> None:
    for detector in detectors:
        assert _findings(detector, records, pruned=True) == _findings(detector, records, pruned=False)


_JOURNAL: dict[str, Any] = {"__REALTIME_TIMESTAMP": "1700000000000000", "SYSLOG_IDENTIFIER": "sh"}


@pytest.mark.parametrize(
    ("product", "record"),
    [
        ("linux", {**_JOURNAL, "MESSAGE": list(b"run mimikatz \x07")}),
        (
            "linux",
            {
                **_JOURNAL,
                "_TRANSPORT": "audit",
                "_AUDIT_ID": "4",
                "MESSAGE": "PROCTITLE proctitle=" + b"mimikatz -x".hex().upper(),
            },
        ),
        (
            "linux",
            {**_JOURNAL, "MESSAGE": "type=CWD msg=audit(1700000000.1:2): cwd=" + b"/mimikatz x".hex().upper()},
        ),
        ("w3c", {"c-ip": "10.0.0.5", "cs-method": "GET", "cs(User-Agent)": "x+-wmi+task+y"}),
    ],
    ids=["bytes as numbers", "audit record in the journal", "forwarded audit record", "spaces of IIS"],
)
def test_text_that_its_log_spells_otherwise_is_found(product: str, record: dict[str, Any], tmp_path: Path) -> None:
    for number, keyword in enumerate(("mimikatz", " -WMI Task ")):
        text = _RULE.format(number=number, keyword=orjson.dumps(keyword).decode()).replace("windows", product)
        (tmp_path / f"{number}.yml").write_text(text, "utf-8")
    detector = SigmaDetector.load([tmp_path])
    raw = orjson.dumps(record)
    assert len(_findings(detector, [raw], pruned=True)) == len(_findings(detector, [raw], pruned=False)) == 1


def test_only_what_rules_ask_about_is_wanted(detectors: list[SigmaDetector]) -> None:
    kind = EventKind(product="windows", channel="x", code="1")
    assert [detector.wanted(kind) for detector in detectors] == [frozenset(), None]


def test_the_characters_that_fold_into_ascii_are_all_known() -> None:
    folding = [c for c in map(chr, range(0x80, 0x110000)) if not 0xD800 <= ord(c) < 0xE000 and fold(c).isascii()]
    assert folding == list(FOLDED_INTO_ASCII)
