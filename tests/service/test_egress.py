"""What is shown of a text beside what left of it."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.core import ManualClock, Settings
from sakimori.records import AccountAsset, Criticality, HostAsset, Inventory
from sakimori.service import installation
from sakimori.service.egress import Departures, would_leave
from sakimori.share import EgressSample

_INVENTORY = Inventory(
    tenant="local",
    taken_at=0,
    hosts=(
        HostAsset(name="ws-01.bank.example", role="workstation", criticality=Criticality.NORMAL, address="10.0.0.1"),
    ),
    accounts=(AccountAsset(name="tanaka", display_name="田中 太郎", criticality=Criticality.NORMAL, kind="staff"),),
)
_WORDS = st.sampled_from(["ws-01.bank.example", "tanaka", "田中太郎", "10.1.2.3", "と", "ran", "cmd.exe", "HOST", "0"])


def _rebuilt(sample: EgressSample) -> str:
    """The original with its marked parts replaced by the marked tokens."""
    parts, done = "", 0
    for (start, end, _), (token_start, token_end, _) in zip(sample.spans, sample.tokens, strict=True):
        parts += sample.original[done:start] + sample.tokenised[token_start:token_end]
        done = end
    return parts + sample.original[done:]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(_WORDS, max_size=12))
def test_the_marks_say_exactly_what_was_replaced(tmp_path: Path, words: list[str]) -> None:
    with installation(Settings(home=tmp_path, tenant="local", language="en"), ManualClock(0)) as install:
        for text in (" ".join(words), json.dumps({"fields": words}, ensure_ascii=False)):
            sample = would_leave(install, _INVENTORY, text)
            assert _rebuilt(sample) == sample.tokenised
            assert "tanaka" not in sample.tokenised
            assert sample.requests == 0


def test_the_longest_call_stands_for_all_that_left() -> None:
    departures = Departures()
    short = {"input": "x", "instructions": "be brief"}
    long = {
        "instructions": "be brief",
        "input": [
            {"role": "user", "content": "about tanaka"},
            {"type": "function_call", "arguments": '{"entity": "tanaka"}'},
            {"type": "function_call_output", "output": "he ran cmd.exe"},
        ],
    }
    departures.note("/v1/responses", short, short)
    departures.note("/v1/responses", long, json.loads(json.dumps(long).replace("tanaka", "USER_0DP35A1KPA00")))
    departures.note("/v1/responses", short, short)
    sample = departures.sample(model="m")
    assert (sample.requests, sample.model) == (3, "m")
    assert [sample.original[start:end] for start, end, _ in sample.spans] == ["tanaka", "tanaka"]
    assert "he ran cmd.exe" in sample.tokenised


@pytest.mark.parametrize("body", [{}, {"input": None}, [], {"input": [1, {"content": [{"type": "image"}]}]}])
def test_a_call_without_text_shows_none(body: object) -> None:
    departures = Departures()
    departures.note("/v1/responses", body, body)
    assert departures.sample(model=None).original == ""
