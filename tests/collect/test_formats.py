"""Formats are told by content; what no reader takes is named."""

import pytest

from sakimori.collect.formats import Unknown, Unreadable, reader_for

FLAT = b'{"EventID":1,"Channel":"x"}'


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"ElfFile\0" + bytes(120), "evtx"),
        (b"?" * 4096 + b"ElfChnk\0", "evtx"),
        (FLAT, "ndjson"),
        (b"\xef\xbb\xbf\r\n" + FLAT + b"\r\n", "ndjson"),
        (b"# a comment\n" + FLAT + b"\n", "ndjson"),
        (b'{"no":"event"}\n' + FLAT + b"\n", "ndjson"),
        (b'{"EventID":1,"Channel":"x","broken":\n{"EventID":1,"also":\n', "ndjson"),
        (b'{"EventID":1,"Channel":"x","Message":"' + b"x" * 70_000, "ndjson"),
        (b"#Software: IIS\n#Fields: date time c-ip\n", "w3c"),
        (b'{"log":"helpdesk","type":"call"}', "ndjson"),
        (b'{"winlog":{"event_id":1}}', "ndjson"),
        (b'{\n  "Event": {\n', "json"),
        (b'{"Event": {\r\n  "System": {\r\n', "json"),
        (b"[\n" + FLAT + b",\n" + FLAT + b"]", "json"),
        (b"[" + FLAT + b"]", "json"),
    ],
)
def test_a_reader_is_found_by_content(head: bytes, name: str) -> None:
    assert name == reader_for(head).NAME


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "nothing in it"),
        (b" \n\r\n", "nothing but white space or zeros in its beginning"),
        (bytes(5000), "nothing but white space or zeros in its beginning"),
        (b"\xd4\xc3\xb2\xa1\x02\0", "a packet capture"),
        (b"\n\r\r\n\xbc", "a packet capture"),
        (b"\0\x05\x16\x07\0", "macOS folder noise (AppleDouble)"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive: unpack it first"),
        (b"title: a rule\nlogsource:\n", "text in no known format"),
        (b"\x93\x01\0\x05", "binary data of no known format"),
        (
            b'{"ts":1.5,"level":"info","caller":"main.go:1","msg":"up"}\n',
            "JSON lines, but of no known event shape (members begin with: ts, level, caller, msg)",
        ),
    ],
)
def test_what_no_reader_takes_is_named(head: bytes, reason: str) -> None:
    with pytest.raises(Unknown) as caught:
        reader_for(head)
    assert str(caught.value) == reason
    assert not isinstance(caught.value, Unreadable)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("title: a rule\n", "UTF-16: text in no known format"), ('{"a":1}\n', "UTF-16: JSON lines, but of no")],
)
def test_what_is_no_telemetry_in_utf_16_is_named(text: str, reason: str) -> None:
    with pytest.raises(Unknown, match=reason):
        reader_for(text.encode("utf-16"))


def test_utf_32_is_a_failure_that_says_what_to_do() -> None:
    with pytest.raises(Unreadable, match="it is UTF-32 text: convert it to UTF-8"):
        reader_for(FLAT.decode().encode("utf-32"))


@pytest.mark.parametrize(
    "first", [b'{"eventVersion":"1","awsRegion":"x"}', b'{"eventVersion":"1","Event":{"x":"' + b"x" * 70_000]
)
def test_envelopes_are_documents(first: bytes) -> None:
    assert reader_for(b'{"Records":[' + first).NAME == "json"


def test_envelopes_of_other_things_are_named() -> None:
    with pytest.raises(Unknown, match=r"JSON records of no known event shape \(members begin with: a, b\)"):
        reader_for(b'{"value":[{"a":1,"b":2}]}')
