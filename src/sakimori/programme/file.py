"""The grants file: institutions with their sign-in, people, service keys and grants (docs/access.md has an example)."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import yaml

from sakimori.access import Role, keys, sshsig
from sakimori.access.people import Person
from sakimori.access.sign_in import SignIn
from sakimori.core import ExitCode, InputError, SakimoriError, composed, unfit_tenant
from sakimori.core.nodes import Reader, shown
from sakimori.programme.granted import read_grant
from sakimori.records import Grant

_LARGEST = 64 << 20
_DAY = timedelta(days=1)

T = TypeVar("T")


class FileMistakes(SakimoriError):
    """A file that cannot be used as it is."""

    exit_code = ExitCode.INPUT

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        """One sentence each, with file, line and column."""
        super().__init__("; ".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class WantedKey:
    name: str
    scopes: frozenset[str]
    lifetime: timedelta
    """How long it works once it is issued."""


@dataclass(frozen=True, slots=True)
class Institution:
    """What the file says of one institution. Times of creation are 0: they are known once it is applied."""

    name: str
    sign_in: SignIn | None
    people: tuple[Person, ...]
    keys: tuple[WantedKey, ...]
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class GrantsFile:
    institutions: tuple[Institution, ...]

    @staticmethod
    def read(path: Path) -> "GrantsFile":
        """Read a file.

        Raises:
            InputError: it cannot be opened.
            FileMistakes: all the mistakes in it.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST + 1)
            text = data.decode("utf-8-sig")
        except OSError as error:
            raise InputError(f"{path}: the grants file cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: the grants file is not UTF-8 text (byte {error.start})") from error
        if len(data) > _LARGEST:
            raise InputError(f"{path}: the grants file is larger than {_LARGEST >> 20} MiB: divide it")
        return GrantsFile.parse(text, where=str(path))

    @staticmethod
    def parse(text: str, *, where: str) -> "GrantsFile":
        """Read the text of a file. Raises FileMistakes like ``read``."""
        reader = Reader(where)
        node = reader.top(text)
        if node is None:
            raise FileMistakes(reader.mistakes)
        found: tuple[Institution, ...] = ()
        if top := reader.members(node, "the file", ("institutions",)):
            one_name = _Names(reader, "institution", _as_people_read)
            found = reader.items(
                top["institutions"], "an institution", lambda item, what: _institution(reader, item, what, one_name)
            )
        if reader.mistakes:
            raise FileMistakes(reader.mistakes)
        return GrantsFile(found)


class _Names:
    """Notes what stands there twice."""

    def __init__(self, reader: Reader, what: str, spelled: Callable[[str], str]) -> None:
        self._reader = reader
        self._what = what
        self._spelled = spelled
        self._lines: dict[str, int] = {}

    def note(self, node: yaml.Node, name: str) -> None:
        spelling = self._spelled(name)
        if line := self._lines.get(spelling):
            self._reader.mistake(node, f"{self._what} '{shown(name)}' is named in line {line} already")
        else:
            self._lines[spelling] = node.start_mark.line + 1


def _as_people_read(name: str) -> str:
    """Names that people could not tell apart are one: full-width letters, capitals."""
    return unicodedata.normalize("NFKC", name).casefold()


def _name(reader: Reader, node: yaml.Node, what: str) -> str | None:
    text = reader.text(node, what)
    return None if text is None else composed(text)


def _institution(reader: Reader, node: yaml.Node, what: str, names: _Names) -> Institution | None:
    members = reader.members(node, what, ("name",), ("sign_in", "people", "keys", "grants"))
    if members is None:
        return None
    name = _name(reader, members["name"], "the name of an institution")
    if name is None:
        return None
    if reason := unfit_tenant(name):
        reader.mistake(members["name"], reason)
    names.note(members["name"], name)
    person_names, identities = _Names(reader, "person", _as_people_read), _Names(reader, "identity", str)
    return Institution(
        name=name,
        sign_in=_sign_in(reader, members["sign_in"]) if "sign_in" in members else None,
        people=reader.items(
            members.get("people"), "a person", lambda n, w: _person(reader, n, w, name, person_names, identities)
        ),
        keys=_named(reader, members.get("keys"), "a key", lambda n, w, names: _key(reader, n, w, names)),
        grants=_named(
            reader, members.get("grants"), "a grant", lambda n, w, names: read_grant(reader, n, w, name, names.note)
        ),
    )


def _named(
    reader: Reader, node: yaml.Node | None, what: str, read: Callable[[yaml.Node, str, _Names], T | None]
) -> tuple[T, ...]:
    names = _Names(reader, what.removeprefix("a "), _as_people_read)
    return reader.items(node, what, lambda n, w: read(n, w, names))


def _sign_in(reader: Reader, node: yaml.Node) -> SignIn | None:
    members = reader.members(
        node, "sign_in", ("issuer", "client_id"), ("audience", "identity", "require", "role_claim", "roles")
    )
    if members is None:
        return None
    texts = {
        name: reader.text(members[name], name, longest=1000)
        for name in ("issuer", "client_id", "audience", "identity", "role_claim")
        if name in members
    }
    if issuer := texts["issuer"]:
        url = urlsplit(issuer)
        local = url.scheme == "http" and url.hostname in ("127.0.0.1", "::1", "localhost")
        if not (url.scheme == "https" or local) or not url.hostname or url.query or url.fragment or url.username:
            reader.mistake(members["issuer"], "the issuer must be an https URL without query or password")
    if ("role_claim" in members) != ("roles" in members):
        reader.mistake(
            node, "role_claim and roles belong together: which claim has the groups, and which roles they are"
        )
    made = SignIn(
        issuer=texts["issuer"] or "",
        client_id=texts["client_id"] or "",
        audience=texts.get("audience") or texts["client_id"] or "",
        identity=texts.get("identity") or "sub",
        require=reader.pairs(members.get("require"), "require", reader.text),
        role_claim=texts.get("role_claim"),
        roles=reader.pairs(members.get("roles"), "roles", lambda n, _: _role(reader, n)),
    )
    return made if all(texts.values()) else None


def _person(
    reader: Reader, node: yaml.Node, what: str, institution: str, names: _Names, identities: _Names
) -> Person | None:
    members = reader.members(node, what, ("name", "identity", "roles"), ("signing_keys",))
    if members is None:
        return None
    name = _name(reader, members["name"], "the name of a person")
    identity = reader.text(members["identity"], "an identity", longest=1000)
    roles = reader.items(members["roles"], "a role", lambda n, _: _role(reader, n))
    signing = reader.items(members.get("signing_keys"), "a signing key", lambda n, _: _signing_key(reader, n))
    if name is None or identity is None:
        return None
    names.note(members["name"], name)
    identities.note(members["identity"], identity)
    return Person(institution, name, identity, frozenset(roles), signing, 0)


def _role(reader: Reader, node: yaml.Node) -> Role | None:
    text = reader.text(node, "a role")
    if text is not None and text not in set(Role):
        reader.mistake(node, f"there is no role '{shown(text)}': roles are {', '.join(Role)}")
        return None
    return None if text is None else Role(text)


def _signing_key(reader: Reader, node: yaml.Node) -> str | None:
    text = reader.text(node, "a signing key", longest=1000)
    if text is None:
        return None
    try:
        return sshsig.public_key(text)
    except InputError as error:
        reader.mistake(node, str(error))
        return None


def _key(reader: Reader, node: yaml.Node, what: str, names: _Names) -> WantedKey | None:
    members = reader.members(node, what, ("name", "scopes"), ("days",))
    if members is None:
        return None
    name = _name(reader, members["name"], "the name of a key")
    scopes = reader.items(members["scopes"], "a scope", reader.text)
    days = reader.number(members["days"], "days", 1, 3650) if "days" in members else 90
    try:
        keys.refuse_unknown(scopes)
    except InputError as error:
        reader.mistake(members["scopes"], str(error))
    if name is None or days is None:
        return None
    names.note(members["name"], name)
    return WantedKey(name, frozenset(scopes), days * _DAY)
