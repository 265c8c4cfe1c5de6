"""Envelopes: JSON objects in which records lie in an array, as cloud services deliver and search APIs answer.

CloudTrail's ``{"Records": […]}``, Microsoft Graph's ``{"value": […]}``, Event Hubs' ``{"records": […]}``; and answers
with alerts: Elasticsearch's ``{"hits": {"hits": […]}}``, CrowdStrike's ``{"resources": […]}``, Splunk's ``{"results":
[…]}``.
"""

import json
import re
from typing import Any, NamedTuple, cast

import orjson

from sakimori.collect import alerts
from sakimori.collect.json_records import shape_of
from sakimori.collect.readers.json_value import SCALAR, STRING
from sakimori.collect.shapes import Fields

LONGEST_HEAD = 64 * 1024
"""Bytes of an envelope before its first record; and of that record, where it must be known to tell the envelope."""


class Head(NamedTuple):
    """An envelope's head was read."""

    end: int
    """Where the first record begins, or its array ends."""
    depth: int
    """Objects that the array lies in."""


_PLAIN_MEMBER = rb"\s*+" + STRING + rb"\s*+:\s*+(?:" + SCALAR + rb"|\[(?:\s*+" + SCALAR + rb"\s*+,?+)*+\s*+\])\s*+,"
_ARRAY_MEMBER = rb'\s*+"(?:Records|records|value|logEvents|events|Events)"\s*+:\s*+\[\s*+(?=[{\]])'
_ENVELOPE = re.compile(rb"\{((?:" + _PLAIN_MEMBER + rb")*?)" + _ARRAY_MEMBER)
"""Before the array may stand what is neither object nor record."""
_NEXT_ARRAY = re.compile(rb"\s*+,((?:" + _PLAIN_MEMBER + rb")*?)" + _ARRAY_MEMBER)


def _within(depth: int) -> bytes:
    """What stands between two brackets that hold so many levels of others."""
    inner = rb"|[{\[]" + _within(depth - 1) + rb"[}\]]" if depth else b""
    return rb"(?:[^{}\[\]\"]++|" + STRING + inner + rb")*+"


_MEMBER = rb"\s*+" + STRING + rb"\s*+:\s*+(?:" + SCALAR + rb"|[{\[]" + _within(4) + rb"[}\]])\s*+,"
_ANSWER = re.compile(
    rb"\{((?:" + _MEMBER + rb')*?)\s*+"(?:results"|resources"|hits"\s*+:\s*+(\{)(?:' + _MEMBER + rb')*?\s*+"hits")'
    rb"\s*+:\s*+\[\s*+(?=\{)"
)
"""Before the array may stand anything: how long the search took, how many pages there are."""

_decode = json.JSONDecoder().raw_decode


def envelope(data: bytes, place: int) -> Head | None:
    """The head of the envelope that begins at ``place``, of which ``LONGEST_HEAD`` bytes should be there."""
    found = _ENVELOPE.match(data, place, place + LONGEST_HEAD)
    return Head(found.end(), 1) if found and not _is_event(found[1]) else None


def answer(data: bytes, place: int) -> Head | None:
    """``envelope`` for an answer of a search API: only where its first record is an alert that is known, since the
    names of such arrays are everybody's."""
    found = _ANSWER.match(data, place, place + LONGEST_HEAD)
    if found is None or _is_event(found[1]):
        return None
    try:  # Latin-1, since only names are looked at
        first, _ = _decode(data[found.end() : found.end() + LONGEST_HEAD].decode("latin-1"))
    except (ValueError, RecursionError):
        return None
    return Head(found.end(), 2 if found[2] else 1) if alerts.recognises(cast("Fields", first)) else None


def next_array(data: bytes, place: int) -> Head | None:
    """Where the envelope whose array ended before ``place`` has another."""
    found = _NEXT_ARRAY.match(data, place, place + LONGEST_HEAD)
    return Head(found.end(), 1) if found and not _is_event(found[1]) else None


def _is_event(members: bytes) -> bool:
    """Whether the members before the array are those of an event, or cannot be read."""
    try:
        read: Any = orjson.loads(b"{" + members.rstrip().removesuffix(b",") + b"}")
    except orjson.JSONDecodeError:
        return True
    return shape_of(read) is not None
