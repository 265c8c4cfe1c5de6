"""The providers file: YAML, each mistake in one sentence with its line and column (docs/providers.example.yaml)."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast, get_args

import yaml

from sakimori.core import InputError
from sakimori.core.nodes import Reader, shown
from sakimori.gateway import prices
from sakimori.gateway.prices import PriceList
from sakimori.gateway.providers.provider import (
    ENDPOINTS,
    OPENAI,
    KeyReference,
    Kind,
    Provider,
    Timeouts,
    base_url_of,
    retention_days,
    unfit_name,
)

T = TypeVar("T")
_LARGEST = 1 << 20
_MOST = 100
_LONGEST_URL = 1000
_COUNTRY = re.compile(r"[A-Z]{2}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MOST_SECONDS = 3600
_REQUIRED = ("name", "kind", "stored_in", "processed_in", "retention")
_OPTIONAL = (
    "base_url",
    "api_version",
    "key",
    "endpoints",
    "models",
    "prices",
    "order",
    "weight",
    "timeouts",
    "unencrypted",
)


def read(path: Path) -> tuple[Provider, ...]:
    """The providers that a file names.

    Raises:
        InputError: the first mistake in it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: the providers file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the providers file is not UTF-8 text (byte {error.start})") from error
    if len(data) > _LARGEST:
        raise InputError(f"{path}: the providers file is larger than {_LARGEST >> 20} MiB")
    return parse(text, where=str(path), folder=path.parent)


def parse(text: str, *, where: str, folder: Path) -> tuple[Provider, ...]:
    """Like ``read``, of text; files with keys are found from ``folder``."""
    reader = Reader(where)
    found: tuple[Provider, ...] = ()
    if (node := reader.top(text)) is not None:
        found = _providers(reader, node, folder)
    if reader.mistakes:
        raise InputError(reader.mistakes[0])
    return found


def _providers(reader: Reader, node: yaml.Node, folder: Path) -> tuple[Provider, ...]:
    members = reader.members(node, "the file", ("providers",), ("prices",))
    if members is None:
        return ()
    priced = prices.read(reader, members["prices"]) if "prices" in members else PriceList.shipped()
    if priced is None:
        return ()
    names: set[str] = set()

    def one(item: yaml.Node, _what: str) -> Provider | None:
        made = _provider(reader, item, folder, priced)
        if made is not None and made.name in names:
            reader.mistake(item, f"there are two providers named '{shown(made.name)}': every name is there once")
        elif made is not None:
            names.add(made.name)
        return made

    found = reader.items(members["providers"], "a provider", one)
    if _is_empty(members["providers"]) or len(found) > _MOST:
        reader.mistake(members["providers"], f"1 to {_MOST} providers are needed")
    return found


def _provider(reader: Reader, node: yaml.Node, folder: Path, priced: PriceList) -> Provider | None:
    members = reader.members(node, "a provider", _REQUIRED, _OPTIONAL)
    if members is None:
        return None

    def optional(name: str, read: Callable[[yaml.Node], T | None], default: T) -> T | None:
        return read(members[name]) if name in members else default

    name = _name(reader, members["name"])
    kind = _one_of(reader, members["kind"], "the kind of a provider", get_args(Kind))
    if name is None or kind is None:
        return None
    models = optional("models", lambda n: reader.pairs(n, "models", reader.text), None)
    if kind == "azure" and not models:
        reader.mistake(node, "an Azure provider needs models: each granted name with that of its deployment")
    if "api_version" in members and kind != "azure":
        reader.mistake(members["api_version"], "api_version is for providers of kind azure")
    api_version = optional("api_version", lambda n: _matching(reader, n, "api_version", _API_VERSION, "2024-10-21"), "")
    unencrypted = optional("unencrypted", lambda n: _one_of(reader, n, "unencrypted", ("true", "false")), "false")
    base_url = _base_url(reader, node, members.get("base_url"), kind, may_be_read=unencrypted == "true")
    key = optional("key", lambda n: _key(reader, n, folder), None)
    stored_in, processed_in = (_countries(reader, members[where], where) for where in ("stored_in", "processed_in"))
    retention = _retention(reader, members["retention"])
    endpoints = optional("endpoints", lambda n: _endpoints(reader, n), frozenset(_spoken(kind, api_version or None)))
    own_prices = optional("prices", lambda n: prices.read(reader, n), priced)
    order = optional("order", lambda n: reader.number(n, "order", 0, 1000), 1)
    weight = optional("weight", lambda n: reader.number(n, "weight", 1, 1000), 1)
    timeouts = optional("timeouts", lambda n: _timeouts(reader, n), Timeouts())
    # What could not be read was noted, so that nobody gets to see what stands for it here.
    return Provider(
        name=name,
        kind=cast("Kind", kind),
        base_url=base_url or "",
        endpoints=endpoints or frozenset(),
        key=key,
        stored_in=stored_in,
        processed_in=processed_in,
        retention=retention or "",
        models=models,
        prices=own_prices or priced,
        order=order or 0,
        weight=weight or 1,
        timeouts=timeouts or Timeouts(),
        api_version=api_version or None,
    )


def _spoken(kind: str, api_version: str | None) -> tuple[str, ...]:
    """What a provider speaks, where the file does not say."""
    if kind == "openai":
        return ENDPOINTS
    return ("chat/completions", "embeddings") if kind == "compatible" or api_version else ENDPOINTS[:3]


def _name(reader: Reader, node: yaml.Node) -> str | None:
    name = reader.text(node, "the name of a provider")
    if name is not None and (reason := unfit_name(name)):
        reader.mistake(node, reason)
        return None
    return name


def _one_of(reader: Reader, node: yaml.Node, what: str, known: tuple[str, ...]) -> str | None:
    return _matching(reader, node, what, re.compile("|".join(map(re.escape, known))), " or ".join(known))


def _matching(reader: Reader, node: yaml.Node, what: str, form: re.Pattern[str], example: str) -> str | None:
    text = reader.text(node, what)
    if text is not None and not (text.isascii() and form.fullmatch(text)):
        reader.mistake(node, f"{what} must look like {example}, not '{shown(text)}'")
        return None
    return text


def _base_url(
    reader: Reader, provider: yaml.Node, node: yaml.Node | None, kind: str, *, may_be_read: bool
) -> str | None:
    if node is None:
        if kind == "openai":
            return OPENAI
        reader.mistake(provider, f"a provider of kind {kind} needs its base_url")
        return None
    text = reader.text(node, "base_url", longest=_LONGEST_URL)
    if text is None:
        return None
    url = base_url_of(text)
    if url is None:
        reader.mistake(
            node, "base_url must be a URL such as https://api.openai.com/v1, without user, password or query"
        )
        return None
    if url.scheme == "http" and url.host not in _LOOPBACK and not may_be_read:
        reader.mistake(
            node, "what is sent by http can be read on the way: use https, or write unencrypted: true if nobody can"
        )
        return None
    return text


def _key(reader: Reader, node: yaml.Node, folder: Path) -> KeyReference | None:
    # The sentence repeats nothing: who mistakes this for the place of the key itself must not find it in a log.
    text = reader.text(node, "key", longest=_LONGEST_URL)
    source, _, name = (text or "").partition(":")
    if text == "store":
        return KeyReference("store")
    if source == "env" and _VARIABLE.fullmatch(name):
        return KeyReference("env", name)
    if source == "file" and name:
        return KeyReference("file", str(folder / name))
    if text is not None:
        reader.mistake(node, "key says where the key is kept: env:NAME, file:PATH, or store (`sakimori providers key`)")
    return None


def _countries(reader: Reader, node: yaml.Node, what: str) -> frozenset[str]:
    found = reader.items(node, what, lambda n, w: _matching(reader, n, w, _COUNTRY, "JP (ISO 3166-1 alpha-2)"))
    if _is_empty(node):
        reader.mistake(node, f"{what} needs at least one country: ZZ where nobody knows")
    return frozenset(found)


def _retention(reader: Reader, node: yaml.Node) -> str | None:
    text = reader.text(node, "retention")
    if text is not None and text != "unknown" and retention_days(text) is None:
        reader.mistake(node, f"retention must be none, a number of days such as 30d, or unknown, not '{shown(text)}'")
        return None
    return text


def _endpoints(reader: Reader, node: yaml.Node) -> frozenset[str]:
    found = reader.items(node, "an endpoint", lambda n, w: _one_of(reader, n, w, ENDPOINTS))
    if _is_empty(node):
        reader.mistake(node, f"a provider speaks at least one of {', '.join(ENDPOINTS)}")
    return frozenset(found)


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode) and not node.value


def _timeouts(reader: Reader, node: yaml.Node) -> Timeouts | None:
    names = tuple(Timeouts.__dataclass_fields__)
    members = reader.members(node, "timeouts", (), names)
    if members is None:
        return None
    found = {name: reader.decimal(item, name, _MOST_SECONDS) for name, item in members.items()}
    for name, seconds in found.items():
        if seconds == 0:
            reader.mistake(members[name], f"{name} must be more than 0 seconds")
    return Timeouts(**{name: float(seconds) for name, seconds in found.items() if seconds})
