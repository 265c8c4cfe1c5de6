"""What the gateway needs to know of one of the provider's endpoints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sakimori.gateway.boundary import Passage
from sakimori.gateway.endpoints.offered import Offered
from sakimori.gateway.endpoints.stream import AnswerStream, Seal
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.shapes import Fields

# Reasons are shared, so that a refusal reads the same everywhere.
KEEPS_STATE = "it keeps state at the provider, where the institution cannot see or erase it"
REACHES_OUT = "it lets the provider reach outside systems on the institution's behalf"
NO_MEDIA = "images, audio and files cannot be tokenised"
COMPACTS = "of what the provider compacts, tokens in later answers could not be restored"
NO_LOGPROBS = "pieces of tokens cannot be restored"
NOT_GRANTED = "grants do not cover it yet"
OTHER_PRICE = "it is billed differently from what the budget reserves"


@dataclass(frozen=True, slots=True)
class Decided:
    """What of a request the gateway decides, whatever the client says."""

    principal: str
    """A keyed hash of who calls, for ``safety_identifier``."""
    cyber: str | None
    """The level of cyber access that is granted; None: the endpoint's default."""


@dataclass(frozen=True, slots=True)
class Translated:
    """A request in the words of another endpoint, and the way back for its answer."""

    body: dict[str, Any]
    answer: Callable[[dict[str, Any]], dict[str, Any]]
    """The other endpoint's whole answer in the words of the one that was called; before texts are restored.

    Raises Refusal where it cannot be."""
    stream: Callable[[AnswerStream], AnswerStream] | None
    """Takes the other endpoint's events and gives theirs to the stream of the one that was called; None: no streams."""


Translate = Callable[[Mapping[str, Any]], Translated]
"""From a request as it would leave. Raises Refusal, by name, where something in it cannot be said faithfully."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    path: str
    """Beneath the provider's base URL."""
    shape: Fields
    output_limits: tuple[str, ...]
    """Fields that bound the output tokens of one answer; the first that is given counts."""
    answers: str | None
    """The field that says how many answers are made."""
    object: str | None
    """What the answer's ``object`` must be; None: it has none."""
    usage: Callable[[dict[str, Any]], Usage | None]
    """What a whole answer says it used; None where it says nothing that can be believed."""
    decide: Callable[[dict[str, Any], Decided], None]
    """Sets in place, in a request that is rebuilt, what the gateway decides."""
    receive: Callable[[dict[str, Any], Passage, Seal], dict[str, Any]]
    """A whole answer as the client gets it: restored, and what is encrypted in it sealed."""
    stream: Callable[[Passage, Seal, Mapping[str, Any], frozenset[str]], AnswerStream] | None
    """The stream of an answer; gets the request as the client sent it, and the tools that may run at the provider.
    None: the endpoint does not stream."""
    hold: Callable[[dict[str, Any], frozenset[str]], None] = lambda answer, hosted_tools: None
    """Holds a whole answer against the tools that may run at the provider. Raises Refusal where it shows another one,
    or something that is not known."""
    cyber: Callable[[dict[str, Any]], str | None] = lambda answer: None
    """The level of cyber access that an answer says it was given with; None: it does not say."""
    names_cyber: bool = False
    """Whether a request can name the level of cyber access that it asks for (``access_programs``). Where it cannot, one
    that must goes out only in the words of an endpoint that can."""
    offered: Callable[[Mapping[str, Any]], Offered] = lambda sent: Offered()
    """Tools at the provider that a request offers, which the gateway has decided."""
    translate: Mapping[str, Translate] = field(default_factory=dict[str, Translate])
    """For providers that lack the endpoint: into the words of which others it can be put, the best first."""
