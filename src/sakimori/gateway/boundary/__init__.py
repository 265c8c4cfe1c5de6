"""The boundary: text in, text without personal or secret data out, and answers made whole again.

``Boundary(tenant, key, dictionary).tokenise(text)`` replaces what its detectors find by typed tokens such as
``HOST_7K2M9QX4AB00``. A ``Passage`` is the boundary's memory of one call: every text of the request goes out through
it, every text of the answer comes back through it, and only tokens that went out in the same call are restored.
Names in running text are looked for by a ``Recogniser`` in worker processes, if the boundary has one; nothing else here
does I/O. Any error of a detector is a ``BoundaryError``, after which the caller must send nothing.
"""

from typing import TYPE_CHECKING

from sakimori.core import lazy
from sakimori.gateway.boundary.dictionary import Dictionary
from sakimori.gateway.boundary.passage import Boundary, BoundaryError, Passage, Tokenised
from sakimori.gateway.boundary.prepare import keep_compiled_in, prepare
from sakimori.gateway.boundary.running_text import Recogniser, RecogniserError, RecogniserSettings, installed_models
from sakimori.gateway.boundary.span import Kind, Span
from sakimori.gateway.boundary.tokens import canonical_token

if TYPE_CHECKING:
    from sakimori.gateway.boundary.keyed_list import KeyedList, KeyedLists
else:
    __getattr__ = lazy.exports(__name__, {"keyed_list": ("KeyedList", "KeyedLists")})  # with NumPy

__all__ = [
    "Boundary",
    "BoundaryError",
    "Dictionary",
    "KeyedList",
    "KeyedLists",
    "Kind",
    "Passage",
    "Recogniser",
    "RecogniserError",
    "RecogniserSettings",
    "Span",
    "Tokenised",
    "canonical_token",
    "installed_models",
    "keep_compiled_in",
    "prepare",
]
