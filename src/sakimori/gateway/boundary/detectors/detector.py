"""What a detector is."""

from collections.abc import Callable, Iterable

from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit

Detector = Callable[[Folded], Iterable[Hit]]
"""Folded text in, claims out, in offsets of the folded text; a pure function."""
