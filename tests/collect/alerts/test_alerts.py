"""Alerts whatever is in them: one finding each however often they come, and hostile ones bounded or rejected."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading, gather

from sakimori.collect import alerts, raw_record
from sakimori.collect.shapes import ShapeError
from sakimori.records import EventRef, to_json

from .conftest import NOW, SOURCE, Taken
from .samples import ALL, CROWDSTRIKE, ELASTIC, EPP_DETECTION_SUMMARY, GRAPH, OCSF, SPLUNK, changed

Lines = Callable[[bytes], Reading]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key or index) of everything within."""
    keys: list[Any] = (
        list(value) if value.__class__ is dict else list(range(len(value))) if value.__class__ is list else []
    )
    return [place for key in keys for place in ((value, key), *_places(value[key]))]


def _line(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.mark.parametrize("product", ALL)
def test_an_alert_that_comes_again_in_another_state_is_the_same_finding(product: str, taken: Taken) -> None:
    again = copy.deepcopy(ALL[product])
    again["status"] = "closed"
    again["updated_timestamp"] = "2026-06-17T00:00:00Z"
    assert taken(again).id == taken(ALL[product]).id


def test_alerts_of_two_ids_are_two_findings(taken: Taken) -> None:
    assert taken(changed(GRAPH, id="graph-2")).id != taken(GRAPH).id


def test_the_raw_record_behind_an_alert_is_found_again(lines: Lines) -> None:
    reading = lines(_line(*ALL.values()))
    assert len(reading.alerts) == len(ALL)
    for alert, record in zip(reading.alerts, ALL.values(), strict=True):
        source = reading.account.source
        assert source
        assert raw_record(source, EventRef.parse(alert.event_ids[0]).offset) == _line(record).rstrip()


@pytest.mark.parametrize(
    "answer",
    [
        {
            "took": 3,
            "_shards": {"total": 1},
            "hits": {"total": {"value": 2}, "hits": [{"_id": "1", "_source": ELASTIC}]},
        },
        {"meta": {"query_time": 0.1}, "errors": [], "resources": [CROWDSTRIKE, changed(CROWDSTRIKE, composite_id="b")]},
        {"preview": False, "fields": [{"name": "_time"}], "results": [SPLUNK]},
        {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata", "value": [GRAPH], "@odata.nextLink": "x"},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_answers_of_search_apis_are_read_alert_by_alert(
    answer: dict[str, Any], indent: int | None, lines: Lines
) -> None:
    text = json.dumps(answer, indent=indent, ensure_ascii=False).encode()
    reading = lines(text + b"\n" + text)
    source = reading.account.source
    assert source
    assert not reading.rejected
    assert len(reading.alerts) == reading.account.evaluated >= 2
    assert len({alert.event_ids for alert in reading.alerts}) == len(reading.alerts)
    for alert in reading.alerts:
        raw = json.loads(raw_record(source, EventRef.parse(alert.event_ids[0]).offset))
        assert alerts.recognises(raw)


@pytest.mark.parametrize("name", ["results", "resources"])
def test_a_record_with_an_array_called_like_an_answers_is_no_answer(name: str, lines: Lines) -> None:
    """CloudTrail's and OCSF's own records have ``resources``."""
    record = {name: [{"uid": "arn:aws:s3:::ledger"}], **OCSF}
    for text in (_line(record), json.dumps(record, indent=1).encode()):
        assert [alert.rule_id for alert in lines(text).alerts] == ["ocsf:Acme Sentry:acme-77"]


def test_an_answer_is_read_past_any_size(lines: Lines) -> None:
    """Its alerts come to more than is ever held of a document at a time."""
    hits = [{"_id": str(n), "_source": changed(ELASTIC, **{"kibana.alert.uuid": f"e{n}"})} for n in range(4000)]
    reading = lines(
        json.dumps({"took": 1, "hits": {"total": {"value": 4000}, "hits": hits}, "aggs": {"a": []}}).encode()
    )
    assert (len(reading.alerts), reading.account.rejected, reading.account.notes) == (4000, 0, ())


def test_an_array_of_alerts_is_read(lines: Lines) -> None:
    assert len(lines(json.dumps([OCSF, GRAPH]).encode()).alerts) == 2


def test_an_answer_that_breaks_off_keeps_what_was_whole(lines: Lines) -> None:
    text = json.dumps({"value": [GRAPH, changed(GRAPH, id="graph-2")]}).encode()
    reading = lines(text[:-20])
    assert len(reading.alerts) == 1
    assert reading.rejected[0].reason == "the JSON breaks off"
    assert len(lines(text[:-1]).alerts) == 2


def test_alerts_and_events_may_stand_in_one_file(lines: Lines) -> None:
    event = {"@timestamp": "2026-06-16T00:00:00Z", "Hostname": "ws", "Channel": "Security", "EventID": 4688}
    reading = lines(_line(event, GRAPH, event))
    assert (len(reading.events()), len(reading.alerts), reading.account.evaluated) == (2, 1, 3)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (changed(OCSF, finding_info={"title": "no id"}), "an alert without finding_info.uid"),
        (changed(GRAPH, id=None), "an alert without id"),
        (changed(GRAPH, id={"a": 1}), "an alert without id"),
        (changed(ELASTIC, **{"kibana.alert.uuid": None}), "an Elastic alert without kibana.alert.uuid and _id"),
        (
            changed(ELASTIC, **{"kibana.alert.rule.rule_id": None, "kibana.alert.rule.uuid": None}),
            "an alert without kibana.alert.rule.rule_id or kibana.alert.rule.uuid",
        ),
        (changed(SPLUNK, event_id=None), "an alert without event_id or rule_id"),
        (changed(CROWDSTRIKE, composite_id=""), "an alert without composite_id"),
        (changed(CROWDSTRIKE, composite_id="x" * 2000), "an alert without composite_id"),
        (changed(EPP_DETECTION_SUMMARY, event={}), "an alert without event.CompositeId or event.DetectId"),
    ],
)
def test_an_alert_without_its_ids_is_rejected_and_says_which(record: dict[str, Any], reason: str, lines: Lines) -> None:
    reading = lines(_line(record, GRAPH))
    assert len(reading.alerts) == 1
    assert reading.rejected[0].reason.startswith(reason)


def test_a_title_of_ten_megabytes_is_cut(taken: Taken) -> None:
    finding = taken(changed(GRAPH, title="あ" * 10_000_000))
    assert len(finding.title) == 300
    assert finding.title.endswith("…")
    assert len(to_json(finding)) < 20_000


def test_a_title_is_one_line(taken: Taken) -> None:
    assert taken(changed(GRAPH, title="a\r\n b\tc\u2028d")).title == "a b c d"


def test_thousands_of_entities_and_long_ones_are_bounded(taken: Taken) -> None:
    evidence = [{"deviceDnsName": f"ws-{number}"} for number in range(5000)]
    assert len(taken(changed(GRAPH, evidence=evidence)).entities) == 100
    assert taken(changed(GRAPH, evidence=[{"deviceDnsName": "x" * 5000}])).entities == ()


def test_text_that_no_utf_8_can_hold_is_repaired(lines: Lines) -> None:
    reading = lines(_line(GRAPH).replace(b"Suspicious execution", b"\\ud800 \xff execution"))
    assert reading.account.repaired == 1
    assert to_json(reading.alerts[0])


def test_an_alert_without_a_time_carries_that_of_reading_and_is_counted(lines: Lines) -> None:
    untimed = changed(SPLUNK, _time="yesterday")
    assert lines(_line(untimed)).account.untimed == 1


def test_no_alert_passes_for_an_event(taken: Taken) -> None:
    """Software that judges events by their fields must not be led by what an alert calls its members."""
    crafted = changed(SPLUNK, Computer="dc-01", CommandLine="rundll32 comsvcs.dll, MiniDump", user="x", EventID=1)
    assert all(name.startswith("splunk.") for name in taken(crafted).evidence[0].fields)


@given(data=st.data(), product=st.sampled_from(sorted(ALL)))
def test_whatever_stands_in_an_alert_it_becomes_a_finding_or_is_rejected(data: st.DataObject, product: str) -> None:
    record: dict[str, Any] = copy.deepcopy(ALL[product])
    for _ in range(data.draw(st.integers(1, 4))):
        place, key = data.draw(st.sampled_from(_places(record)))
        place[key] = data.draw(_JSON)
    if not alerts.recognises(record):
        return
    try:
        finding, _ = alerts.finding(record, source=SOURCE, offset=7, now=NOW)
    except ShapeError:
        return
    assert finding.first_time <= finding.last_time
    assert len(finding.entities) <= 100
    assert to_json(finding)


def test_a_file_of_alerts_alone_is_telemetry(tmp_path: Path) -> None:
    path = tmp_path / "webhook.log"
    path.write_bytes(_line(CROWDSTRIKE))
    assert gather(path).alerts[0].product == "CrowdStrike Falcon"
