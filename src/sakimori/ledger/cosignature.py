"""Cosignatures (C2SP tlog-cosignature, ``cosignature/v1``): another party's word that a log only ever grew."""

import struct
from typing import ClassVar
from urllib.parse import quote

from sakimori.core import InputError, plain
from sakimori.ledger.note import NoteError, NoteKey, Signature, Signer, open_note

_TIME = struct.Struct(">Q")
_SIGNATURE_BYTES = 64


class Cosigner(NoteKey):
    """Knows the cosignatures that one witness made."""

    __slots__ = ()
    ALGORITHM: ClassVar[bytes] = b"\x04"

    def line_in(self, note: str) -> tuple[str, int] | None:
        """Its newest line under a checkpoint and the time it was made (POSIX seconds); None: it did not cosign.

        Raises:
            NoteError: a line is by this cosigner's name and key, and does not fit the checkpoint.
        """
        text, signatures = open_note(note)
        found: list[tuple[int, str]] = []
        for line in self.own(signatures):
            if len(line.signature) != _TIME.size + _SIGNATURE_BYTES:
                raise NoteError("a cosignature under it has another form")
            (time,) = _TIME.unpack(line.signature[: _TIME.size])
            self.check(line.signature[_TIME.size :], _message(text, time))
            found.append((time, str(line)))
        if not found:
            return None
        time, line = max(found)
        return line, time


def cosigner(tenant: str, signer: Signer, name: str | None = None) -> Cosigner:
    """By what others recognise cosignatures of this witness.

    Raises:
        InputError: it cannot have this name.
        SakimoriError: its key is missing.
    """
    made = Cosigner(name or f"sakimori/witness/1/{quote(tenant, safe='')}", signer.public_key(tenant))
    try:
        return Cosigner.parse(str(made))
    except NoteError as error:
        raise InputError(
            f"'{plain(made.name)}' cannot name a cosigner: use one word without '+', such as audit.example/w1"
        ) from error


def cosign(note: str, by: Cosigner, tenant: str, signer: Signer, *, seconds: int) -> str:
    """``note`` with a cosignature under it, made at ``seconds`` (POSIX time)."""
    text, _ = open_note(note)
    signature = signer.sign(tenant, _message(text, seconds))
    return note + str(Signature(by.name, by.key_id, _TIME.pack(seconds) + signature))


def _message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
