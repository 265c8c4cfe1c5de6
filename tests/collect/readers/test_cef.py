"""CEF lines: samples after ArcSight's implementation standard."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading

from sakimori.collect.readers import cef
from sakimori.collect.shapes import ShapeError

WORM = b"CEF:0|Security|threatmanager|1.0|100|worm successfully stopped|10|src=10.0.0.1 dst=2.1.2.2 spt=1232"
AT = 1_600_000_000_000_000_000  # 2020-09-13T12:26:40Z


def _fields(extension: str) -> dict[str, str]:
    return cef.event(f"CEF:1|V|P|1|2|n|3|{extension}".encode()).fields


def test_header_and_extension_become_fields() -> None:
    found = cef.event(WORM)
    assert found.kind == ("security", "threatmanager", "")
    assert found.fields == {
        "deviceVendor": "Security",
        "deviceProduct": "threatmanager",
        "deviceVersion": "1.0",
        "deviceEventClassId": "100",
        "name": "worm successfully stopped",
        "severity": "10",
        "src": "10.0.0.1",
        "dst": "2.1.2.2",
        "spt": "1232",
    }


def test_pipes_and_backslashes_in_the_header_are_escaped() -> None:
    found = cef.event(rb"CEF:0|security|threat\|manager|1.0|100|detected a \\ in packet|10|act=blocked a | dst=1.1.1.1")
    assert found.fields["deviceProduct"] == "threat|manager"
    assert found.fields["name"] == "detected a \\ in packet"
    assert found.fields["act"] == "blocked a |"
    assert found.kind[1] == "threat_manager"


@pytest.mark.parametrize(
    ("extension", "fields"),
    [
        (r"act=blocked a \= dst=1.1.1.1", {"act": "blocked a =", "dst": "1.1.1.1"}),
        (r"msg=Detected a threat.\nNo action needed.", {"msg": "Detected a threat.\nNo action needed."}),
        (
            r"filePath=C:\\Windows\\防 人.exe suser=鈴木 一郎",
            {"filePath": "C:\\Windows\\防 人.exe", "suser": "鈴木 一郎"},
        ),
        ("request=http://a.example/?q=1&r=2 act=x", {"request": "http://a.example/?q=1&r=2", "act": "x"}),
        ("suser= duser=b", {"suser": "", "duser": "b"}),
        ("cs1=Block cs1Label=Rule Name cn1=5 src=x", {"cn1": "5", "src": "x", "Rule Name": "Block"}),
        ("cs1=evil cs1Label=src src=10.0.0.1", {"src": "10.0.0.1", "src_2": "evil"}),
        ("a=1 a=2", {"a": "1", "a_2": "2"}),
        ("no key at all", {"extension": "no key at all"}),
    ],
)
def test_the_extension(extension: str, fields: dict[str, str]) -> None:
    assert list(_fields(extension).items())[6:] == list(fields.items())


@pytest.mark.parametrize(
    "said",
    [
        "rt=1600000000000",
        "rt=1600000000",
        "rt=Sep 13 2020 12:26:40",
        "rt=Sep 13 2020 12:26:40.000 UTC",
        "rt=Sep 13 2020 21:26:40 JST",
        "rt=Sep 13 2020 21:26:40.000 GMT+09:00",
        "rt=Sep 13 2020 21:26:40 dtz=Asia/Tokyo",
        "end=1600000000000 start=1500000000000",
        "rt=Sep 13 12:26:40 end=1600000000000",
    ],
)
def test_when_it_happened(said: str) -> None:
    assert cef.event(b"CEF:0|V|P|1|2|n|3|" + said.encode()).time == AT


@pytest.mark.parametrize(
    "said", ["", "rt=Sep 13 12:26:40", "rt=Sep 13 2020 12:26:40 XYZ", "rt=soon", "rt=Feb 31 2020 1:1:1"]
)
def test_what_says_no_time_gets_none_rather_than_a_guess(said: str) -> None:
    assert cef.event(b"CEF:0|V|P|1|2|n|3|" + said.encode()).time is None


@pytest.mark.parametrize(
    ("header", "time"),
    [
        (b"<134>1 2020-09-13T21:26:40+09:00 relay app - - - ", AT),
        (b"<134>Sep 13 12:26:40 relay ", None),
        (b"Sep 13 12:26:40 relay ", None),
    ],
)
def test_the_relay_is_kept_but_is_not_the_origin(header: bytes, time: int | None) -> None:
    found = cef.event(header + WORM + b" shost=ws1")
    assert found.time == time
    assert found.fields["shost"] == "ws1"
    assert found.fields["syslog_header"] == header.decode().strip()
    assert not {"host", "Computer"} & found.fields.keys()


@pytest.mark.parametrize("line", [b"", b"CEF:", b"CEF:0|a|b|c|d", b"XCEF:0|a|b|c|d|e|f|", b"Nov 22 relay sshd: hello"])
def test_a_line_without_a_whole_header_is_no_event(line: bytes) -> None:
    with pytest.raises(ShapeError, match="no CEF header of 7 cells in the line"):
        cef.event(line)


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


@given(st.lists(_CELL, min_size=6, max_size=6), st.lists(_CELL, max_size=5))
def test_what_is_escaped_as_the_standard_says_comes_back(header: list[str], values: list[str]) -> None:
    extension = " ".join(
        f"k{place}={value.replace(chr(92), chr(92) * 2).replace('=', chr(92) + '=')}"
        for place, value in enumerate(values)
    )
    found = cef.event(f"CEF:0|{'|'.join(map(_escaped, header))}|{extension}".encode())
    assert list(found.fields.values())[:6] == header
    assert [found.fields[f"k{place}"] for place in range(len(values))] == [value.rstrip(" \t") for value in values]


def test_a_log_is_known_by_its_lines_and_every_line_is_accounted_for(lines: Callable[[bytes], Reading]) -> None:
    reading = lines(
        b"\xef\xbb\xbf" + WORM + b" rt=1600000000000\r\n\noops\n<13>Nov 22 01:02:03 relay " + WORM + b" msg=\xff\n"
    )
    assert reading.account.source is not None
    assert reading.account.source.format == "cef"
    assert (reading.account.evaluated, reading.account.rejected, reading.account.repaired) == (2, 1, 1)
    assert reading.account.untimed == 1
    assert reading.times()[0] == AT
