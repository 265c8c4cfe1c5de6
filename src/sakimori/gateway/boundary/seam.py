"""Seams: identifiers whose parts stand in texts that follow one another, such as two messages or elements of a list.

What stood in the earlier text has been let go by then, part of an identifier that tells little by itself; the part that
would make it whole is claimed.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors import RULES
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_REACH = 64
"""Code points on either side of a seam that are read together."""
_NEAR = 24
_DIGITS = "0-9〇一二三四五六七八九"
_NUMBER_BEGINS = re.compile(rf"[{_DIGITS}][{_DIGITS} .\-]*\Z")
_NUMBER_GOES_ON = re.compile(rf"[ .\-]*[{_DIGITS}][{_DIGITS} .\-]*")
_FEWEST_DIGITS = 10
_MAIL = re.compile(r"[a-z0-9._+\-]@?\Z")
_MAIL_GOES_ON = re.compile(r"@?[a-z0-9]")
_KINDS = frozenset(
    {
        Kind.ACCOUNT,
        Kind.CARD,
        Kind.CORPNUMBER,
        Kind.CUSTOMER,
        Kind.DEVICE,
        Kind.IBAN,
        Kind.INSURANCE,
        Kind.IP,
        Kind.LICENCE,
        Kind.MAIL,
        Kind.MYNUMBER,
        Kind.PASSPORT,
        Kind.PENSION,
        Kind.PHONE,
        Kind.RESIDENCE,
        Kind.SECRET,
        Kind.TAXID,
        Kind.WALLET,
    }
)
"""What has a form of its own; names do not."""
_RULES = tuple(
    rule
    for name, rule in RULES
    if name in ("key-form", "e-mail", "numbers", "phone", "iban", "account", "corporate-number", "identity", "wallet")
)


def ending(before: Folded | None, folded: Folded, *, last: Kind | None) -> Folded | None:
    """What the next text is read together with: the last of this one, and of the one before where this one is short.

    ``last``: what this one ended with, if that was claimed. An identifier that is whole does not go on.
    """
    if last in _KINDS:
        return None
    text, cased = (before.text, before.cased) if before is not None else ("", "")
    return Folded((text + folded.text)[-_REACH:], (cased + folded.cased)[-_REACH:])


def across(folded: Folded, *, before: Folded) -> Iterator[Hit]:
    """Claims about the beginning of a text that follows ``before``."""
    head, tail = folded.text[:_REACH], before.text
    if not (tail and head and (_may_be_number(tail, head) or _may_be_mail(tail, head))):
        return
    joined = Folded(tail + head, before.cased + folded.cased[:_REACH])
    for rule in _RULES:
        for hit in rule(joined):
            if hit.kind in _KINDS and hit.start < len(tail) < hit.end:
                yield Hit(0, hit.end - len(tail), hit.kind, "seam", hit.value)


# Most texts that follow one another need no second look.


def _may_be_number(tail: str, head: str) -> bool:
    begins, goes_on = _NUMBER_BEGINS.search(tail, max(0, len(tail) - _NEAR)), _NUMBER_GOES_ON.match(head)
    if begins is None or goes_on is None:
        return False
    return sum(map(str.isnumeric, begins[0])) + sum(map(str.isnumeric, goes_on[0])) >= _FEWEST_DIGITS


def _may_be_mail(tail: str, head: str) -> bool:
    near, beyond = tail[-_NEAR:], head[:_NEAR]
    return "@" in near + beyond and _MAIL.search(near) is not None and _MAIL_GOES_ON.match(beyond) is not None
