"""Which grant a call falls under, and why none does."""

from collections.abc import Collection, Iterable, Mapping

from sakimori.core import Nanos
from sakimori.gateway.refusal import Refusal
from sakimori.records import DataClass, Grant

PURPOSE_HEADER = "Sakimori-Purpose"
DATA_CLASS_HEADER = "Sakimori-Data-Class"
STRUCTURED_SCOPE = "structured"
"""Who issues a key with it vouches that its holder's prompts are allow-listed typed fields."""


def in_force(grants: Iterable[Grant], now: Nanos) -> list[Grant]:
    """Those under which calls may be made at this moment."""
    return [grant for grant in grants if grant.usable and grant.not_before <= now < grant.not_after]


def models(grants: Iterable[Grant]) -> frozenset[str]:
    return frozenset(model for grant in grants for model in grant.models)


def purpose_of(grants: Iterable[Grant], given: str | None) -> str:
    """The purpose of a call: the header's, or the only one there is.

    Raises:
        Refusal: no grant has it, or the client must say which.
    """
    granted = sorted({purpose for grant in grants for purpose in grant.purposes})
    if given is None and len(granted) == 1:
        return granted[0]
    if given in granted:
        return given
    if not granted:
        raise Refusal(403, "no_grant", "Your institution has no grant that is in force; ask the authority for one.")
    listed = ", ".join(granted)
    if given is None:
        message = f"Say what the call is for in the header {PURPOSE_HEADER}; granted: {listed}."
        raise Refusal(400, "purpose_missing", message, param=PURPOSE_HEADER)
    message = f"No grant of your institution allows the purpose in {PURPOSE_HEADER}; granted: {listed}."
    raise Refusal(403, "purpose_not_granted", message, param=PURPOSE_HEADER)


def may_be_free_text(scopes: Collection[str], headers: Mapping[str, str]) -> bool:
    """Whether a call's data may count as free text: unless somebody vouches for it, and the client does not say so."""
    return STRUCTURED_SCOPE not in scopes or headers.get(DATA_CLASS_HEADER) == DataClass.FREE_TEXT


def data_class_of(given: str | None, *, vouched: bool, recognises_names: bool) -> DataClass:
    """The class of data that a call carries. What nobody vouches for is free text.

    Args:
        given: what the client declares.
        vouched: the key was issued for a program whose prompts are allow-listed typed fields.

    Raises:
        Refusal: there is no such class, nobody vouches for it, or this gateway cannot let it out.
    """
    if given is None:
        given = DataClass.STRUCTURED if vouched else DataClass.FREE_TEXT
    if given not in list(DataClass):
        known = " or ".join(DataClass)
        raise Refusal(400, "invalid_value", f"{DATA_CLASS_HEADER} must be {known}.", param=DATA_CLASS_HEADER)
    if given == DataClass.STRUCTURED and not vouched:
        message = f"This key may not send structured data: it lacks the scope '{STRUCTURED_SCOPE}'."
        raise Refusal(403, "data_class_not_available", message, param=DATA_CLASS_HEADER)
    if given == DataClass.FREE_TEXT and not recognises_names:
        message = (
            "Free text is refused: this gateway runs without the models that recognise names in it (extra [ner], "
            f"--names-workers). Keys of programs that send typed fields only have the scope '{STRUCTURED_SCOPE}'."
        )
        raise Refusal(403, "data_class_not_available", message, param=DATA_CLASS_HEADER)
    return DataClass(given)


def fitting(grants: Iterable[Grant], *, model: str, purpose: str, data_class: DataClass) -> list[Grant]:
    """Grants that allow exactly this together, in order of id.

    Raises:
        Refusal: there is none; it says from where on.
    """
    for_purpose = [grant for grant in grants if model in grant.models and purpose in grant.purposes]
    found = [grant for grant in for_purpose if data_class in grant.data_classes]
    if not found:
        data = f" with {data_class} data" if for_purpose else ""
        raise Refusal(403, "not_granted", f"No grant of your institution allows this model for '{purpose}'{data}.")
    return sorted(found, key=lambda grant: grant.id)
