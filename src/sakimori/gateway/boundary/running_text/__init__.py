"""Names in running text, which no pattern and no dictionary of the institution tells: what ``free_text`` needs.

Whatever any reader claims is covered. Within this process Japanese is split into words, of which proper nouns and
unknown ones are names (``japanese``), English words are looked at where a name is expected (``english``), and names
that were found once are found again (``repeated``). A ``Recogniser`` asks statistical models (extra ``[ner]``) in
worker processes, since they take some hundred times longer: it remembers segments, limits what one call may ask for,
and fails closed.
"""

from sakimori.gateway.boundary.running_text.english import detect_small_names
from sakimori.gateway.boundary.running_text.japanese import detect_names, names_nobody
from sakimori.gateway.boundary.running_text.recogniser import (
    Recogniser,
    RecogniserError,
    RecogniserSettings,
    installed_models,
)
from sakimori.gateway.boundary.running_text.repeated import detect_repeated

__all__ = [
    "Recogniser",
    "RecogniserError",
    "RecogniserSettings",
    "detect_names",
    "detect_repeated",
    "detect_small_names",
    "installed_models",
    "names_nobody",
]
