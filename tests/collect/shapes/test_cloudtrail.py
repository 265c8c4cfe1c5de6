"""CloudTrail records, after AWS' documented examples, however they are wrapped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.collect.conftest import Reading, gather

from sakimori.collect.json_records import shaped
from sakimori.collect.shapes import ShapeError
from sakimori.core import parse_rfc3339


def record() -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html, shortened."""
    return {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser",
            "arn": "arn:aws:iam::123456789012:user/Saanvi",
            "userName": "Saanvi",
            "sessionContext": {"sessionIssuer": {}, "attributes": {"mfaAuthenticated": "false"}},
        },
        "eventTime": "2023-07-19T21:11:57Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.0",
        "requestParameters": {"userName": "Richard", "tags": [{"key": "a", "value": "b"}, {"key": "c"}]},
        "responseElements": None,
        "errorCode": "AccessDenied",
    }


def test_members_are_fields_under_the_names_that_rules_ask_for() -> None:
    kind, time, fields, _ = shaped(record())
    assert kind == ("aws", "cloudtrail", "iam.amazonaws.com")
    assert time == parse_rfc3339("2023-07-19T21:11:57Z")
    expected = {
        "userIdentity.type": "IAMUser",
        "userIdentity.sessionContext.attributes.mfaAuthenticated": "false",
        "requestParameters.userName": "Richard",
        "requestParameters.tags.key": ["a", "c"],
        "requestParameters": record()["requestParameters"],
        "responseElements": None,
        "errorCode": "AccessDenied",
        "sourceIPAddress": "192.0.2.0",
    }
    assert {name: fields[name] for name in expected} == expected


@pytest.mark.parametrize(
    "wrapped",
    [
        {"version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "detail": record()},
        {"id": "1", "timestamp": 1, "message": json.dumps(record())},
        {"EventId": "1", "EventTime": "2023-07-19T21:11:57Z", "CloudTrailEvent": json.dumps(record())},
    ],
    ids=["EventBridge", "CloudWatch Logs", "lookup-events"],
)
def test_wrapped_records_are_the_same_events(wrapped: dict[str, Any]) -> None:
    assert shaped(wrapped) == shaped(record())


def test_a_record_that_a_wrapper_cut_is_rejected() -> None:
    with pytest.raises(ShapeError, match="the CloudTrail record in it is broken JSON: "):
        shaped({"message": json.dumps(record())[:200]})


@pytest.mark.parametrize("other", [{"detail": {"eventName": "x"}}, {"detail": 5}, {"message": "eventVersion"}])
def test_other_records_are_not_taken_for_it(other: dict[str, Any]) -> None:
    with pytest.raises(ShapeError, match="no known event shape"):
        shaped(other)


@pytest.mark.parametrize("form", ["delivered", "NDJSON", "subscription"])
def test_files_are_read_by_content(form: str, lines: Callable[[bytes], Reading]) -> None:
    records = [record() for _ in range(200)]
    match form:
        case "delivered":
            text = json.dumps({"Records": records}, separators=(",", ":"))
        case "NDJSON":
            text = "\n".join(map(json.dumps, records))
        case _:
            events = [{"id": "1", "timestamp": 1, "message": json.dumps(record)} for record in records]
            text = json.dumps({"messageType": "DATA_MESSAGE", "subscriptionFilters": ["all"], "logEvents": events})
    reading = lines(text.encode())
    assert (reading.account.evaluated, reading.account.rejected, reading.account.untimed) == (200, 0, 0)
    assert {batch.kind.channel for batch in reading.batches} == {"cloudtrail"}


def test_the_corpus_is_read_whole(shared: Path) -> None:
    """The count is jq's: ``jq '.Records | length'``, summed."""
    reading = gather(shared / "corpora/cloudtrail/CloudTrail")
    assert (len(reading.events()), len(reading.rejected)) == (2900, 0)
    assert sum(account.untimed for account in reading.accounts) == 0
