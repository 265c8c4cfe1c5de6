"""Checkpoints (C2SP tlog-checkpoint): how many leaves the log has and their Merkle root, signed."""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from sakimori.ledger.merkle import HASH_BYTES
from sakimori.ledger.note import NoteError, Signer, Verifier, sign_note

_FORM = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([0-9A-Za-z+/=]+)\n(?:[^\n]+\n)*")


def origin(tenant: str) -> str:
    """The name of an institution's log: printable ASCII without spaces or plus signs, whatever the institution's."""
    return f"sakimori/ledger/1/{quote(tenant, safe='')}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    """How many leaves the root covers: the first ``size``."""
    root: bytes
    """RFC 6962 Merkle tree hash, 32 bytes."""
    note: str
    """The signed note, as it is handed to auditors and kept outside as an anchor; cosigners' lines may stand in it."""

    @staticmethod
    def sign(tenant: str, size: int, root: bytes, signer: Signer) -> "Checkpoint":
        name = origin(tenant)
        text = f"{name}\n{size}\n{base64.b64encode(root).decode()}\n"
        note = sign_note(text, verifier(tenant, signer), signer.sign(tenant, text.encode()))
        return Checkpoint(name, size, root, note)

    @staticmethod
    @lru_cache(64)
    def parse(note: str, verifier: Verifier) -> "Checkpoint":
        """Read a checkpoint and check its signature.

        The newest one of a log is read again and again, and to check a signature takes 0.1 ms.

        Raises:
            NoteError: malformed, of another log, altered, or signed by someone else.
        """
        form = _FORM.fullmatch(verifier.text_of(note))
        if not form:
            raise NoteError("it is not a checkpoint")
        try:
            root = base64.b64decode(form[3], validate=True)
        except binascii.Error as error:
            raise NoteError("its root hash cannot be read") from error
        if base64.b64encode(root).decode() != form[3]:
            raise NoteError("its root hash cannot be read")
        if form[1] != verifier.name or len(root) != HASH_BYTES:
            raise NoteError("it is a checkpoint of another log")
        return Checkpoint(form[1], int(form[2]), root, note)


def verifier(tenant: str, signer: Signer) -> Verifier:
    """Who signs an institution's log: named like the log, as C2SP recommends."""
    return Verifier(origin(tenant), signer.public_key(tenant))
