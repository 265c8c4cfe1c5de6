"""Machines by their names in the DNS (RFC 1035): in domains of networks inside (``.local``), of banks, and of others.

A domain of two labels stays where no word of banking is in it (``login-update.top``): those that attackers register are
indicators. So do names in domains that everybody knows (content/boundary/public-domains.yaml), and addresses of pages
(``www.…``). What is left, a machine in somebody's domain, goes.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files

import yaml

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.looks import Shape, shape_of
from sakimori.gateway.boundary.detectors.words.vocabulary import is_built
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_INSIDE = "local|internal|corp|lan|intra|intranet|localdomain|ad|home\\.arpa|priv|private|bank|test|example|svc"
_SURE = (
    "com|org|edu|gov|mil|jp|de|fr|uk|cn|kr|ru|br|au|ca|nl|eu|ch|se|es|tw|hk|sg|nz|dk|fi|cz|hu|ro|gr|pt|ie|lu|tr|il|za"
    "|mx|ar|cl|ua|th|vn|ph|lt|lv|ee|si|sk|hr|bg|ae|sa|qa|pk|bd|lk|np|kz|ge|biz|online|site|tech|dev|xyz|club|shop|icu"
)
_UNSURE = (
    "net|io|app|co|me|tv|cc|ws|to|no|it|pl|at|be|is|in|my|id|us|info|ai|ly|gl|int|top|link|cloud|finance|financial"
    "|insure|credit|services|support|systems|network|group"
)
"""Top-level domains that code and sentences also have behind a dot (``do.it``, ``System.IO``)."""
_NAME_END = Gate(rf"\.(?:{_INSIDE}|{_SURE}|{_UNSURE})(?![a-z0-9\-(])")
_INSIDE_END = re.compile(rf"\.(?:{_INSIDE})$")
_GOES_ON = re.compile(r"\.[a-z0-9]")
_OF_FILES = re.compile(
    r"\.(?:conf|cfg|key|pem|crt|cer|csr|p12|pfx|log|ya?ml|json|rdp|ovpn|zone|bak|keytab|txt)(?![a-z0-9])"
)
"""That are called after a machine."""
_LABELS_BACKWARDS = re.compile(r"[a-z0-9\u00df-\u024f\-.]*[a-z0-9\u00df-\u024f]")
_LONGEST = 253  # RFC 1035, 2.3.4
_BANKING = re.compile(
    "bank|ginko|shinkin|shinkumi|-bk|bk-|shoken|shintaku|hoken|securities|savings|thrift|sparkass|banque|banco|banca"
    "|caisse|creditunion|insurance|lease|leasing"
)
_SECOND = listed("co or ne go ac ad gr lg com net org gov edu gob")
_OF_PAGES = listed(
    "www www2 cdn static img images media assets raw blog blogs docs doc news community research labs posts wiki man"
    " help kb forum forums dl download downloads learn developer developers support security update updates book isc"
)
_SHORT = 2
_REGION = re.compile("[a-z]{2}-[a-z]{4,9}-[0-9]")
"""Of clouds."""


@cache
def _public() -> dict[str, str]:
    """Domains that everybody knows, with what names in them are: ``open``, ``services``, ``tenants``."""
    text = files("sakimori.content").joinpath("boundary", "public-domains.yaml").read_text("utf-8")
    content: dict[str, str] = yaml.load(text, Loader=yaml.CSafeLoader)
    return {domain: kind for kind, domains in content.items() for domain in domains.split()}


def detect_domain_names(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _NAME_END.finditer(text):
        end = match.end()
        goes_on = _GOES_ON.match(text, end) is not None
        if goes_on and not _OF_FILES.match(text, end):
            continue
        labels = _LABELS_BACKWARDS.match(text[max(0, end - _LONGEST) : end][::-1])
        start = end - (labels.end() if labels else 0)
        name = text[start:end].rpartition("..")[2]
        start = end - len(name)
        kind = kind_of(name)
        before = text[start - 1 : start]
        if kind is None or (before == "@" and not text.startswith("//", start)):
            continue
        is_url = text.endswith(("://", "//"), 0, start)
        is_short = _INSIDE_END.search(name) is not None and name.count(".") < _SHORT
        if goes_on and is_short:  # settings.local.yaml
            continue
        if before and before in "_/\\" and not is_url and (kind is not Kind.HOST or is_short):
            continue
        yield Hit(start, end, kind, "host-form", name)


@lru_cache(4_096)
def kind_of(name: str) -> Kind | None:
    """HOST or DOMAIN; None where a name stays or is none (small letters)."""
    labels = name.split(".")
    if len(labels) == 1 or not all(labels):
        return None
    if _INSIDE_END.search(name):
        return Kind.HOST if labels[-1] != "svc" or len(labels) > _SHORT else None
    own = -3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND else -2
    machine = labels[:own]
    for n in range(len(labels)):
        public = _public().get(".".join(labels[n:]))
        if public is not None:
            stays = public == "open" or (public == "services" and n == 1) or all(map(_is_word, labels[:n]))
            return None if stays else Kind.HOST
    if not any(map(str.isalpha, labels[own])):
        return None
    if labels[-1] in _UNSURE.split("|") and _is_field(labels[own]):
        return Kind.HOST if any(shape_of(label) is Shape.HOST for label in machine) else None
    if machine and not (len(machine) == 1 and machine[0] in _OF_PAGES):
        return Kind.HOST
    return Kind.DOMAIN if _BANKING.search(labels[own]) else None


def _is_field(label: str) -> bool:
    return len(label) <= _SHORT or is_built(label)


def _is_word(label: str) -> bool:
    return shape_of(label) in (Shape.HARMLESS, Shape.COUNTED) or _REGION.fullmatch(label) is not None
