"""Signed notes (C2SP signed-note, c2sp.org/signed-note): a text and Ed25519 signatures under it, as one small text."""

import base64
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_SIGNATURE_LINE = "— "


class Signer(Protocol):
    """Signs for each institution with a key of its own. The key may live elsewhere (PKCS#11, a KMS)."""

    def provision(self, tenant: str) -> None:
        """Make the institution's key where there is none yet: asked for only before anything was ever signed."""
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

    def provision(self, tenant: str, purpose: str) -> bytes: ...


_PURPOSE = "ledger-signing"


class LocalSigner:
    """Signs with keys that this machine keeps."""

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys
        self._known: dict[str, Ed25519PrivateKey] = {}

    def provision(self, tenant: str) -> None:
        self._keys.provision(tenant, _PURPOSE)

    def sign(self, tenant: str, message: bytes) -> bytes:
        return self._key(tenant).sign(message)

    def public_key(self, tenant: str) -> bytes:
        return self._key(tenant).public_key().public_bytes_raw()

    def _key(self, tenant: str) -> Ed25519PrivateKey:
        if tenant not in self._known:
            self._known[tenant] = Ed25519PrivateKey.from_private_bytes(self._keys.key(tenant, _PURPOSE))
        return self._known[tenant]


class NoteError(ValueError):
    """Not a signed note, or not signed by who should have."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Knows a signer's notes by name and public key."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell which key a signature line is by."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def __str__(self) -> str:
        """As verifiers exchange it (a *vkey*): ``name+key id+base64``."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"

    def text_of(self, note: str) -> str:
        """The text of a note that this signer signed; signatures by others (cosigners) are left alone.

        Raises:
            NoteError: malformed, not signed by this signer, or altered.
        """
        text, separator, signatures = note.rpartition("\n\n")
        if not separator or not signatures.endswith("\n"):
            raise NoteError("it is not a signed note")
        text += "\n"
        signed = False
        for line in signatures[:-1].split("\n"):
            name, _, encoded = line.removeprefix(_SIGNATURE_LINE).partition(" ")
            try:
                blob = base64.b64decode(encoded, validate=True)
            except ValueError as error:
                raise NoteError("a signature line of it cannot be read") from error
            # Base64 has bits that mean nothing: only one spelling of a signature is taken.
            exact = base64.b64encode(blob).decode() == encoded
            if not line.startswith(_SIGNATURE_LINE) or not name or len(blob) < 5 or not exact:
                raise NoteError("a signature line of it cannot be read")
            if name == self.name and blob[:4] == self.key_id:
                try:
                    Ed25519PublicKey.from_public_bytes(self.public_key).verify(blob[4:], text.encode())
                except InvalidSignature as error:
                    raise NoteError("its signature does not fit its text") from error
                signed = True
        if not signed:
            raise NoteError("it is not signed with this institution's key")
        return text


def sign_note(text: str, verifier: Verifier, signature: bytes) -> str:
    """``text`` (ending in a newline) with a signature line under it."""
    line = base64.b64encode(verifier.key_id + signature).decode()
    return f"{text}\n{_SIGNATURE_LINE}{verifier.name} {line}\n"
