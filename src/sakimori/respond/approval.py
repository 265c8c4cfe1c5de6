"""Consent: a person's Ed25519 signature over the hash of exactly one action, their name and the time.

It is made by ``sign_approval`` where their key is, or by ``ssh-keygen -Y sign -n sakimori.approval`` over the bytes of
``approval_message``. Whose signature counts, a file of ``Approvers`` says, or the programme (``RegisteredApprovers``).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from sakimori.access import people, sshsig
from sakimori.access.rights import Resource, Right, Rights
from sakimori.core import InputError, Nanos
from sakimori.records import Action, Approval, canonical_json
from sakimori.store import Snapshot

_VALID_FOR_NS = 3_600_000_000_000
"""A consent is about the situation that the person saw: after an hour it is asked for again."""
_CLOCK_SKEW_NS = 120_000_000_000
NAMESPACE = "sakimori.approval"
"""What ``ssh-keygen -Y sign -n`` is told, so that a signature for anything else is no consent."""


class Consenting(Protocol):
    """Who may consent to actions."""

    def consented(self, snapshot: Snapshot, approval: Approval, action: Action, *, now: Nanos) -> bool:
        """Whether this is the recent consent to exactly this action of somebody who, by the snapshot, may give it."""
        ...


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who may consent, with their public keys."""

    keys: Mapping[str, Ed25519PublicKey]

    @staticmethod
    def load(path: Path) -> "Approvers":
        """Read a file of lines ``NAME ssh-ed25519 AAAA…`` (OpenSSH's allowed-signers form); ``#`` begins a comment.

        Raises:
            InputError: the file cannot be read, or a line is no Ed25519 key or repeats a name.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: the approvers' keys cannot be read: {error}") from error
        keys: dict[str, Ed25519PublicKey] = {}
        for number, line in enumerate(lines, 1):
            name, _, text = line.partition("#")[0].strip().partition(" ")
            if not name:
                continue
            try:
                key = load_ssh_public_key(text.strip().encode())
            except (ValueError, UnsupportedAlgorithm):
                key = None
            if not isinstance(key, Ed25519PublicKey):
                raise InputError(f"{path}:{number}: expected a name and an ssh-ed25519 public key")
            if keys.setdefault(name, key) is not key:
                raise InputError(f"{path}:{number}: '{name}' has a key already; one name, one key")
        return Approvers(keys)

    def consented(self, snapshot: Snapshot, approval: Approval, action: Action, *, now: Nanos) -> bool:
        """Whether this is a registered person's consent to exactly this action, given within the last hour."""
        key = self.keys.get(approval.principal)
        return key is not None and _signed(approval, action, key, now=now)


class RegisteredApprovers:
    """People of the action's institution, as the programme has them in the snapshot that is asked about."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def consented(self, snapshot: Snapshot, approval: Approval, action: Action, *, now: Nanos) -> bool:
        """Whether a person of the institution who may approve actions signed this, with a key of theirs."""
        person = people.get(snapshot, approval.principal)
        if person is None or action.tenant != snapshot.tenant:
            return False
        about = Resource.about(Right.APPROVE_ACTION, action.tenant, action.hash)
        if not self._rights.decide(person.principal(), Right.APPROVE_ACTION, about).allowed:
            return False
        return any(_signed(approval, action, sshsig.load(key), now=now) for key in person.signing_keys)


def sign_approval(action: Action, principal: str, key: Ed25519PrivateKey, *, now: Nanos) -> Approval:
    """A person's consent to the action, made where their key is."""
    signature = key.sign(approval_message(action.hash, principal, now))
    return Approval(
        action_hash=action.hash,
        principal=principal,
        signed_at=now,
        signature=base64.b64encode(signature).decode(),
    )


def approval_message(action_hash: str, principal: str, signed_at: Nanos) -> bytes:
    """What is signed. The first member keeps a signature made for anything else from being taken for consent."""
    return canonical_json(
        {
            "purpose": "sakimori.approval/1",
            "action_hash": action_hash,
            "principal": principal,
            "signed_at": signed_at,
        }
    )


def _signed(approval: Approval, action: Action, key: Ed25519PublicKey, *, now: Nanos) -> bool:
    """Whether this key signed consent to exactly this action within the last hour."""
    if approval.action_hash != action.hash or not -_CLOCK_SKEW_NS <= now - approval.signed_at <= _VALID_FOR_NS:
        return False
    message = approval_message(approval.action_hash, approval.principal, approval.signed_at)
    if approval.signature.startswith(sshsig.BEGIN):
        return sshsig.verifies(approval.signature, key, message, namespace=NAMESPACE)
    try:
        key.verify(base64.b64decode(approval.signature, validate=True), message)
    except (ValueError, InvalidSignature):
        return False
    return True
