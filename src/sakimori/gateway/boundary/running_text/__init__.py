"""Names in running text, which no pattern and no dictionary of the institution tells: what ``free_text`` needs.

Two readers look at each segment of a text, and whatever either claims is covered. ``morphology`` splits Japanese into
words and takes the proper nouns of its dictionary, and names written in katakana, within this process. A
``Recogniser`` asks statistical models (extra ``[ner]``) in worker processes, since they take about a thousand times
longer: it remembers segments, limits what one call may ask for, and fails closed.
"""

from sakimori.gateway.boundary.running_text.morphology import detect_proper_nouns
from sakimori.gateway.boundary.running_text.recogniser import (
    Recogniser,
    RecogniserError,
    RecogniserSettings,
    installed_models,
)

__all__ = ["Recogniser", "RecogniserError", "RecogniserSettings", "detect_proper_nouns", "installed_models"]
