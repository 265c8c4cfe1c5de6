"""Announcements of a provider: signed, and taken in before its sender hears that they were.

Signatures: Standard Webhooks (standard-webhooks.com, "Signature scheme"), HMAC-SHA256 over ``id.timestamp.body``.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import cast

import orjson

from sakimori.core import Clock
from sakimori.gateway.oversight import observed
from sakimori.gateway.oversight.observed import Kind
from sakimori.gateway.oversight.watch import Oversight

MAX_BODY = 64 * 1024
"""Bytes; announcements have some hundred."""
_TOLERANCE = 300
"""Seconds between the sender's clock and ours."""
_NANOS_PER_SECOND = 1_000_000_000
ANNOUNCED = {
    "safety.alert.created": Kind.ALERT,
    "safety.org_alert.created": Kind.ALERT,
    "safety.warning_issued": Kind.CASE,
    "safety.deactivation_issued": Kind.CASE,
}
"""Types of events that say that there is something to be fetched."""


class WebhookRefused(Exception):
    """Not from the provider, too old, or no event."""


class Webhook:
    """What a provider posts to us. It blocks on the database."""

    def __init__(self, oversight: Oversight, secret: str, clock: Clock) -> None:
        """``secret``: as the provider shows it, with or without ``whsec_``."""
        self._oversight = oversight
        self._secret = _key(secret)
        self._clock = clock

    def take(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Keep an announcement; once it returns, it is durable. False: an event that is not about safety.

        Raises:
            WebhookRefused: the signature is missing, wrong or old, or it is no event.
            StoreError: it cannot be kept; the provider sends it again.
        """
        self._verify(headers, body)
        try:
            event: object = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise WebhookRefused("it is no JSON") from error
        if not isinstance(event, dict):
            raise WebhookRefused("it is no JSON object")
        found = cast("dict[str, object]", event)
        kind = found.get("type")
        if kind == "safety_identifier.blocked":
            self._oversight.keep([observed.block(found, self._clock.now())])
            return True
        if not isinstance(kind, str) or kind not in ANNOUNCED:
            return False
        data = found.get("data")
        id = cast("dict[str, object]", data).get("id") if isinstance(data, dict) else None
        if not observed.is_id(id):
            raise WebhookRefused("it announces something without an id")
        self._oversight.announced(ANNOUNCED[kind], cast("str", id))
        return True

    def _verify(self, headers: Mapping[str, str], body: bytes) -> None:
        given = {name.lower(): value for name, value in headers.items()}
        id, sent_at, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12):
            raise WebhookRefused("it has no webhook-timestamp")
        signed = b".".join((id.encode("utf-8", "replace"), sent_at.encode(), body))
        expected = base64.b64encode(hmac.digest(self._secret, signed, hashlib.sha256))
        offered = [part.removeprefix("v1,").encode("utf-8", "replace") for part in signatures.split()]
        if not any(hmac.compare_digest(expected, part) for part in offered):
            raise WebhookRefused("its signature is not the provider's")
        if abs(self._clock.now() // _NANOS_PER_SECOND - int(sent_at)) > _TOLERANCE:
            raise WebhookRefused(f"it was signed more than {_TOLERANCE} s ago, or a clock is wrong")


def _key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()
