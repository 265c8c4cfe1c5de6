"""LEEF lines: samples after IBM's guide."""

from collections.abc import Callable

import pytest
from tests.collect.conftest import Reading

from sakimori.collect.readers import leef
from sakimori.collect.shapes import ShapeError

EXCHANGE = b"LEEF:1.0|Microsoft|MSExchange|4.0 SP1|15345|src=192.0.2.0\tdst=172.50.123.1\tsev=5\tusrName=joe black"
AT = 1_600_000_000_000_000_000  # 2020-09-13T12:26:40Z


def test_header_and_attributes_become_fields() -> None:
    found = leef.event(b"Jan 18 11:07:53 192.168.1.1 " + EXCHANGE)
    assert found.kind == ("microsoft", "msexchange", "")
    assert found.fields == {
        "Vendor": "Microsoft",
        "Product": "MSExchange",
        "Version": "4.0 SP1",
        "EventID": "15345",
        "syslog_header": "Jan 18 11:07:53 192.168.1.1",
        "src": "192.0.2.0",
        "dst": "172.50.123.1",
        "sev": "5",
        "usrName": "joe black",
    }


@pytest.mark.parametrize(
    "delimiter", ["^|src=1^dst=2", "x5E|src=1^dst=2", "0x5e|src=1^dst=2", "|src=1\tdst=2", "src=1\tdst=2"]
)
def test_version_2_names_its_delimiter(delimiter: str) -> None:
    fields = leef.event(f"LEEF:2.0|Lancope|StealthWatch|1.0|41|{delimiter}".encode()).fields
    assert (fields["src"], fields["dst"]) == ("1", "2")


@pytest.mark.parametrize(
    "said",
    [
        "devTime=1600000000000",
        "devTime=Sep 13 2020 12:26:40",
        "devTime=Sep 13 2020 21:26:40.000 JST",
        "devTime=2020/09/13 21:26:40 +0900\tdevTimeFormat=yyyy/MM/dd HH:mm:ss Z",
        "devTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX\tdevTime=2020-09-13T21:26:40.000+09:00",
        "devTime=09/13/20 12:26:40 PM\tdevTimeFormat=MM/dd/yy hh:mm:ss a",
    ],
)
def test_when_it_happened(said: str) -> None:
    assert leef.event(b"LEEF:1.0|V|P|1|2|" + said.encode()).time == AT


@pytest.mark.parametrize("said", ["devTime=Sep 13 12:26:40", "devTime=x\tdevTimeFormat=QQQ", "devTimeFormat=yyyy"])
def test_what_says_no_time_gets_none(said: str) -> None:
    assert leef.event(b"LEEF:1.0|V|P|1|2|" + said.encode()).time is None


def test_a_delimiter_within_a_value_loses_nothing() -> None:
    fields = leef.event(b"LEEF:2.0|V|P|1|2|;|lead;msg=a;b;c=d").fields
    assert list(fields.items())[4:] == [("attributes", "lead"), ("msg", "a"), ("msg_2", "b"), ("c", "d")]


def test_a_line_without_a_header_is_no_event() -> None:
    with pytest.raises(ShapeError, match="no LEEF header of 5 cells in the line"):
        leef.event(b"LEEF:1.0|a|b")


def test_a_log_is_known_by_its_lines(lines: Callable[[bytes], Reading]) -> None:
    reading = lines(EXCHANGE + b"\n<13>1 2020-09-13T12:26:40Z relay " + EXCHANGE + b"\nnothing\n")
    assert reading.account.source is not None
    assert reading.account.source.format == "leef"
    assert (reading.account.evaluated, reading.account.rejected) == (2, 1)
    assert reading.times()[1] == AT
