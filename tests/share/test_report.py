import re
from unicodedata import category

from hypothesis import given, settings
from hypothesis import strategies as st

from sakimori.records import (
    Citation,
    Claim,
    Disposition,
    DroppedClaim,
    Entity,
    EntityType,
    Evidence,
    Finding,
    Incident,
    Route,
    Severity,
    Verdict,
    from_plain,
)
from sakimori.share import Case, DrillOutcome, EgressSample, LedgerState, Reading, Report, render
from sakimori.share.timeline import Lane, Mark, draw

_START = 1_790_000_000 * 10**9


def _case(text: str) -> Case:
    finding = Finding(
        id="fn-1",
        tenant="local",
        rule_id="r",
        title=text,
        severity=Severity.HIGH,
        first_time=_START,
        last_time=_START,
        tactics=("impact",),
        entities=(Entity(type=EntityType.HOST, value=text),),
        evidence=(Evidence(event_id="ev-1", time=_START, fields={"CommandLine": text}),),
    )
    incident = Incident(
        id="in-1",
        tenant="local",
        title=text,
        title_ja=text,
        severity=Severity.CRITICAL,
        score=90,
        first_time=_START,
        last_time=_START + 60 * 10**9,
        finding_ids=("fn-1",),
        entities=finding.entities,
        tactics=("impact",),
    )
    claim = Claim(
        statement=text, statement_ja=text, citations=(Citation(event_id="ev-1", field="CommandLine", value=text),)
    )
    verdict = Verdict(
        id="v",
        tenant="local",
        incident_id="in-1",
        investigator="offline",
        model=None,
        disposition=Disposition.MALICIOUS,
        severity=Severity.CRITICAL,
        route=Route.RESPOND,
        summary=text,
        summary_ja=text,
        claims=(claim,),
        dropped=(DroppedClaim(claim=claim, reason=text),),
        proposals=(),
        reasons=("proved",),
        made_at=_START + 30 * 10**9,
    )
    return Case(incident=incident, findings=(finding,), verdicts=(verdict,))


def _report(text: str, **changes: object) -> Report:
    plain: dict[str, object] = {
        "tenant": "local",
        "title_en": "Report",
        "title_ja": "報告",
        "made_at": _START,
        "reading": Reading(sources=1, evaluated=9, rejected=1, rules=3, notes=(text,)),
        "cases": (_case(text),),
        "other_findings": 0,
        "egress": EgressSample(
            original=text,
            tokenised="T",
            spans=((0, len(text), "host"),),
            tokens=((0, 1, "host"),),
            requests=0,
            model=None,
        ),
        "ledger": LedgerState(ok=True, entries=1, pending=0, checkpoint=text, problem=None),
    }
    return from_plain(Report, {**plain, **changes})


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>&\"'{}%/ascript=onerr防 \n"), min_size=1))
def test_text_from_outside_never_becomes_markup(text: str) -> None:
    """Whatever an attacker writes into a log field, the page has the same elements as for a harmless text."""
    tags = re.compile(r"<[a-zA-Z/!][^>]*>")
    harmless = [tag.split()[0] for tag in tags.findall(render(_report("x")))]
    assert [tag.split()[0] for tag in tags.findall(render(_report(text)))] == harmless


@given(st.text(alphabet=st.sampled_from("\u202e\u2066\u200b\x1b\x9b\0\r\ud800防a\n\t"), min_size=1))
def test_text_from_outside_turns_and_hides_nothing(text: str) -> None:
    page = render(_report(text))
    assert {char for char in page if category(char) in ("Cc", "Cf", "Cs")} <= {"\n", "\t"}
    page.encode()


def test_the_page_is_self_contained_and_runs_nothing() -> None:
    page = render(_report("x"))
    assert "<script" not in page
    assert "default-src 'none'" in page
    outside = [url for url in re.findall(r'(?:src|href)="([^"]*)"', page) if not url.startswith("#")]
    assert outside == []


def test_both_languages_are_there_and_no_model_is_said() -> None:
    page = render(_report("x", language="ja"))
    assert 'id="ja" checked' in page
    assert "no model was used" in page
    assert "モデルは使用していない" in page
    assert "10 events read from 1 sources = 9 evaluated + 1 rejected" in page
    assert "除外：" in page


def test_an_empty_report_says_that_nothing_was_found() -> None:
    page = render(_report("x", cases=(), egress=None, ledger=None))
    assert "何も見つからなかった" in page


def test_the_outcome_is_drawn_for_both_runs() -> None:
    outcome = DrillOutcome(
        seed=7,
        hosts=50,
        lost_defended=2,
        lost_undefended=41,
        first_malicious=_START,
        contained=_START + 600 * 10**9,
        minutes_to_first_containment=10,
        minutes_to_contain=10,
        curve_defended=((_START + 500 * 10**9, 2),),
        curve_undefended=((_START + 900 * 10**9, 20), (_START + 990 * 10**9, 41)),
    )
    page = render(_report("x", outcome=outcome))
    assert 'class="undefended"' in page
    assert "2 / 50" in page
    assert "41 / 50" in page


def test_thousands_of_marks_stay_a_small_picture() -> None:
    marks = [Mark(_START + second * 10**9, "low", "x" * 200) for second in range(20_000)]
    assert len(draw([Lane("Impact", "影響", marks)], offset_hours=9)) < 400_000


def test_marks_at_one_moment_are_drawn() -> None:
    picture = draw([Lane("Impact", "影響", [Mark(_START, "high", "<b>")])], offset_hours=9)
    assert picture.count("<circle") == 1
    assert "<b>" not in picture
