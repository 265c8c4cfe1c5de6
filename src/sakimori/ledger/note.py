"""Signed notes (C2SP signed-note, c2sp.org/signed-note): a text and Ed25519 signatures under it, as one small text."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, NamedTuple, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_SIGNATURE_LINE = "— "
_LONGEST = 64 << 10
"""Characters of a note: room for hundreds of cosignatures."""
_NOT_IN_NAMES = re.compile(r"[\s+\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_PUBLIC_KEY_BYTES = 32


class Signer(Protocol):
    """Signs for each institution with a key of its own. The key may live elsewhere (PKCS#11, a KMS)."""

    def provision(self, *tenants: str) -> None:
        """Make institutions' keys where there are none yet: asked for only before anything was ever signed."""
        ...

    def sign(self, tenant: str, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes. Raises SakimoriError where the key is missing."""
        ...

    def public_key(self, tenant: str) -> bytes:
        """The Ed25519 public key, 32 bytes. Raises SakimoriError where the key is missing."""
        ...


class KeySource(Protocol):
    """Where a ``LocalSigner`` has its seeds from: ``access.secrets.Secrets`` is one."""

    def key(self, tenant: str, purpose: str) -> bytes: ...

    def provision_all(self, wanted: Iterable[tuple[str, str]]) -> None: ...


class LocalSigner:
    """Signs with keys that this machine keeps."""

    def __init__(self, keys: KeySource, *, purpose: str = "ledger-signing") -> None:
        """``purpose``: which of an institution's keys. A log and a cosigner never share one."""
        self._keys = keys
        self._purpose = purpose
        self._known: dict[str, Ed25519PrivateKey] = {}

    def provision(self, *tenants: str) -> None:
        self._keys.provision_all((tenant, self._purpose) for tenant in tenants)

    def sign(self, tenant: str, message: bytes) -> bytes:
        return self._key(tenant).sign(message)

    def public_key(self, tenant: str) -> bytes:
        return self._key(tenant).public_key().public_bytes_raw()

    def _key(self, tenant: str) -> Ed25519PrivateKey:
        if tenant not in self._known:
            self._known[tenant] = Ed25519PrivateKey.from_private_bytes(self._keys.key(tenant, self._purpose))
        return self._known[tenant]


class NoteError(ValueError):
    """Not a signed note, or not signed by who should have."""


class Signature(NamedTuple):
    """A signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_SIGNATURE_LINE}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


def open_note(note: str) -> tuple[str, list[Signature]]:
    """The text of a note and the signatures under it, none of which is checked.

    Raises:
        NoteError: malformed.
    """
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n") or len(note) > _LONGEST or _CONTROL.search(note):
        raise NoteError("it is not a signed note")
    return text + "\n", [_signature(line) for line in signatures[:-1].split("\n")]


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_SIGNATURE_LINE).partition(" ")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise NoteError("a signature line of it cannot be read") from error
    made = Signature(name, blob[:4], blob[4:])
    # Base64 has bits that mean nothing: only one spelling of a signature is taken.
    if not name or not made.signature or str(made) != line + "\n":
        raise NoteError("a signature line of it cannot be read")
    return made


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A name and an Ed25519 public key: by these a signer's lines under notes are known."""

    ALGORITHM: ClassVar[bytes]
    """The signature type, one byte."""

    name: str
    public_key: bytes

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read what ``str`` gives.

        Raises:
            NoteError: it is not the name and public key of such a signer.
        """
        name, _, rest = vkey.partition("+")
        try:
            material = base64.b64decode(rest.partition("+")[2], validate=True)
        except (ValueError, binascii.Error) as error:
            raise NoteError("it is not a public key as 'name+id+base64'") from error
        if not name or _NOT_IN_NAMES.search(name) or len(material) != 1 + _PUBLIC_KEY_BYTES:
            raise NoteError("it is not a public key as 'name+id+base64'")
        if material[:1] != cls.ALGORITHM:
            raise NoteError(f"it is a public key of type {material[0]}, where type {cls.ALGORITHM[0]} was expected")
        made = cls(name, material[1:])
        if str(made) != vkey:
            raise NoteError("it was damaged: its id does not fit its name and key")
        return made

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell which key a signature line is by."""
        return sha256(self.name.encode() + b"\n" + self.ALGORITHM + self.public_key).digest()[:4]

    def __str__(self) -> str:
        """As verifiers exchange it (a *vkey*): ``name+key id+base64``."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.ALGORITHM + self.public_key).decode()}"

    def own(self, signatures: list[Signature]) -> list[Signature]:
        """Those that claim to be by this key."""
        return [line for line in signatures if line.name == self.name and line.key_id == self.key_id]

    def check(self, signature: bytes, message: bytes) -> None:
        """Raises NoteError where the signature does not fit."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature as error:
            raise NoteError("its signature does not fit its text") from error


class Verifier(NoteKey):
    """Knows the notes that one signer signed."""

    __slots__ = ()
    ALGORITHM: ClassVar[bytes] = b"\x01"

    def text_of(self, note: str) -> str:
        """The text of a note that this signer signed; signatures by others (cosigners) are left alone.

        Raises:
            NoteError: malformed, not signed by this signer, or altered.
        """
        text, signatures = open_note(note)
        own = self.own(signatures)
        if not own:
            raise NoteError("it is not signed with this institution's key")
        for line in own:
            self.check(line.signature, text.encode())
        return text

    def sign_line(self, signature: bytes) -> str:
        """The line for a signature by this signer."""
        return str(Signature(self.name, self.key_id, signature))


def sign_note(text: str, verifier: Verifier, signature: bytes) -> str:
    """``text`` (ending in a newline) with a signature line under it."""
    return f"{text}\n{verifier.sign_line(signature)}"
