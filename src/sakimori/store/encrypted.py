"""Values encrypted at rest under a data key of their institution, whose version stands in their first bytes.

AES-256-GCM (NIST SP 800-38D): ``MAGIC``, the key's version (4 bytes, big-endian), nonce (12), ciphertext, tag (16).
Values of the first Sakimori begin with their nonce and are of version 1; that a nonce begins like ``MAGIC`` happens
once in 2^64.
"""

import struct
from os import urandom
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"\x00sakikey"
_VERSION = struct.Struct(">I")
_HEADER_BYTES = len(MAGIC) + _VERSION.size
_NONCE_BYTES = 12


class DataKeys(Protocol):
    """The versions of an institution's key for one purpose (``access.data_keys``)."""

    @property
    def version(self) -> int:
        """With which new values are encrypted."""
        ...

    def key(self, version: int) -> bytes:
        """32 bytes. Raises SakimoriError where it is missing."""
        ...


class Cipher:
    """Encrypts under the newest key, and decrypts under the one that a value names."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys
        self._known: dict[int, AESGCM] = {}

    def encrypt(self, value: bytes, *, bound: bytes) -> bytes:
        """``bound``: what the value belongs to; it opens nowhere else."""
        nonce, header = urandom(_NONCE_BYTES), MAGIC + _VERSION.pack(self._keys.version)
        return header + nonce + self._aead(self._keys.version).encrypt(nonce, value, header + bound)

    def decrypt(self, sealed: bytes, *, bound: bytes) -> bytes:
        """Raises InvalidTag where it was changed, belongs to something else, or was encrypted under another key."""
        header, rest = (sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]) if sealed.startswith(MAGIC) else (b"", sealed)
        return self._aead(version_of(sealed)).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + bound)

    def is_current(self, sealed: bytes) -> bool:
        """Whether it need not be encrypted anew. Values without a header are, for as long as version 1 is."""
        return version_of(sealed) == self._keys.version

    def _aead(self, version: int) -> AESGCM:
        if version not in self._known:
            self._known[version] = AESGCM(self._keys.key(version))
        return self._known[version]


def version_of(sealed: bytes) -> int:
    """Under which version of the key a value is encrypted."""
    if not sealed.startswith(MAGIC) or len(sealed) < _HEADER_BYTES:
        return 1
    return _VERSION.unpack_from(sealed, len(MAGIC))[0]
