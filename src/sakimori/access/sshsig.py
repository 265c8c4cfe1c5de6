"""Signatures that ``ssh-keygen -Y sign`` makes with an Ed25519 key (OpenSSH, PROTOCOL.sshsig), and such keys."""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from sakimori.core import InputError

BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_LONGEST = 8192
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}


def public_key(text: str) -> str:
    """A public key as OpenSSH writes it, without its comment.

    Raises:
        InputError: it is no Ed25519 key.
    """
    try:
        key = load_ssh_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("expected an Ed25519 public key: ssh-ed25519 AAAA…")
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def load(text: str) -> Ed25519PublicKey:
    """The key itself, of a text that ``public_key`` gave."""
    key = load_ssh_public_key(text.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError("not an Ed25519 key")
    return key


def fingerprint(text: str) -> str:
    """``SHA256:…``, as ``ssh-keygen -l`` shows it."""
    blob = base64.b64decode(text.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def verifies(armored: str, key: Ed25519PublicKey, message: bytes, *, namespace: str) -> bool:
    """Whether this is a signature of ``message`` by that key, made for that purpose (``ssh-keygen -n NAMESPACE``)."""
    blob = _unarmored(armored)
    if blob is None:
        return False
    try:
        signer, named, reserved, algorithm, signature = _fields(blob)
        kind, end = _string(signature, 0)
        made, end = _string(signature, end)
    except ValueError:
        return False
    expected = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
    if (
        base64.b64encode(signer) != expected
        or named != namespace.encode()
        or algorithm not in _HASHES
        or kind != b"ssh-ed25519"
        or end != len(signature)
    ):
        return False
    digest = _HASHES[algorithm](message).digest()
    signed = _MAGIC + b"".join(len(part).to_bytes(4) + part for part in (named, reserved, algorithm, digest))
    try:
        key.verify(made, signed)
    except InvalidSignature:
        return False
    return True


def _unarmored(armored: str) -> bytes | None:
    lines = armored.strip().split("\n")
    if len(armored) > _LONGEST or len(lines) < 3 or (lines[0].strip(), lines[-1].strip()) != (BEGIN, _END):
        return None
    try:
        return base64.b64decode("".join(line.strip() for line in lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        return None


def _fields(blob: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Public key, namespace, reserved, hash algorithm, signature. Raises ValueError where it is no such blob."""
    if blob[:6] != _MAGIC or blob[6:10] != (1).to_bytes(4):
        raise ValueError("not version 1 of SSHSIG")
    key, end = _string(blob, 10)
    namespace, end = _string(blob, end)
    reserved, end = _string(blob, end)
    algorithm, end = _string(blob, end)
    signature, end = _string(blob, end)
    if end != len(blob):
        raise ValueError("bytes after the end")
    kind, key_end = _string(key, 0)
    if kind != b"ssh-ed25519" or len(key) != key_end + 36:
        raise ValueError("not an Ed25519 key")
    return key, namespace, reserved, algorithm, signature


def _string(blob: bytes, start: int) -> tuple[bytes, int]:
    """A string with its length before it (RFC 4251, section 5), and where it ends."""
    begin = start + 4
    end = begin + int.from_bytes(blob[start:begin])
    if begin > len(blob) or end > len(blob):
        raise ValueError("cut off")
    return blob[begin:end], end
