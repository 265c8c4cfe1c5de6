"""What detectors say: which part of a text is what; and what of their claims is replaced."""

from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple


class Kind(StrEnum):
    """What a replaced text is. The name stands in its token, so that a model knows what it reasons about."""

    HOST = "HOST"
    USER = "USER"
    """An account, a handle, the name of a home folder."""
    PERSON = "PERSON"
    ORG = "ORG"
    PLACE = "PLACE"
    """A country, region, town, station or building."""
    NAME = "NAME"
    """A proper name of which the text does not tell whether it is a person's, a place's or an organisation's."""
    DOMAIN = "DOMAIN"
    MAIL = "MAIL"
    URL = "URL"
    IP = "IP"
    MAC = "MAC"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    POSTCODE = "POSTCODE"
    POSITION = "POSITION"
    """Latitude and longitude."""
    BIRTHDATE = "BIRTHDATE"
    DATE = "DATE"
    AGE = "AGE"
    NATIONALITY = "NATIONALITY"
    TITLE = "TITLE"
    """An honorific or occupation that stands with a person."""
    CARD = "CARD"
    ACCOUNT = "ACCOUNT"
    """A bank account, with its bank and branch where they stand with it."""
    BRANCH = "BRANCH"
    """A bank's or branch's code or name."""
    IBAN = "IBAN"
    BIC = "BIC"
    CUSTOMER = "CUSTOMER"
    """A number that an institution gave a customer, contract, policy, application or transfer."""
    MYNUMBER = "MYNUMBER"
    CORPNUMBER = "CORPNUMBER"
    """Corporate number of the National Tax Agency, also as an invoice registration number."""
    LICENCE = "LICENCE"
    PASSPORT = "PASSPORT"
    RESIDENCE = "RESIDENCE"
    """Residence card or special permanent resident certificate."""
    INSURANCE = "INSURANCE"
    """Health, employment or long-term care insurance."""
    PENSION = "PENSION"
    TAXID = "TAXID"
    """A number of another country's tax or social security authority: SSN, ITIN, NINO and others."""
    PLATE = "PLATE"
    DEVICE = "DEVICE"
    """IMEI, IMSI, ICCID, serial numbers."""
    WALLET = "WALLET"
    SECRET = "SECRET"  # noqa: S105  (the name of a kind)
    QUOTED = "QUOTED"
    """Text that was there already and looks like one of our tokens."""

    __hash__ = str.__hash__
    """Kinds are keys of much: the hash of an enumeration takes ten times as long."""


class Hit(NamedTuple):
    """A detector's claim about a folded text (see ``fold``)."""

    start: int
    end: int
    kind: Kind
    detector: str
    value: str
    """The normalised value: equal for two spellings of one thing."""


class Span(NamedTuple):
    """A replaced part of an input text, in code points of that input."""

    start: int
    end: int
    kind: Kind
    detector: str


_WEAK = frozenset({"name-small", "morphology", "models", "repeated"})
"""Detectors that guess what a name is."""
_LIGHT = 1 << 40
"""What guesses weigh less than anything else."""
_START = itemgetter(0)


def merge(claims: list[Hit]) -> tuple[list[Span], dict[int, Hit]]:
    """Overlapping claims become one span: whatever any detector claimed is covered.

    Its kind is that of the longest claim by a rule or dictionary, the first of equals; of the longest at all where only
    models claim it. ``claims`` are sorted.
    """
    claims.sort(key=_START)
    spans: list[Span] = []
    deciding: dict[int, Hit] = {}
    first, last = 0, -1
    heaviest: Hit | None = None
    weight = 0
    for claim in claims:
        start, end, _, detector, _ = claim
        own = end - start - (_LIGHT if detector in _WEAK else 0)
        if heaviest is not None and start < last:
            if end > last:
                last = end
            if own > weight:
                heaviest, weight = claim, own
            continue
        if heaviest is not None:
            spans.append(Span(first, last, heaviest.kind, heaviest.detector))
            deciding[first] = heaviest
        first, last, heaviest, weight = start, end, claim, own
    if heaviest is not None:
        spans.append(Span(first, last, heaviest.kind, heaviest.detector))
        deciding[first] = heaviest
    return spans, deciding
