"""Consent is to exactly one action, by a registered person, recently."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sakimori.core import InputError
from sakimori.records import Action, Approval, Command, Entity, EntityType
from sakimori.respond import Approvers, sign_approval

NOW = 1_800_000_000_000_000_000
MINUTE = 60_000_000_000
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
ACTION = Action(
    tenant="bank",
    command=Command.ISOLATE_HOST,
    target=Entity(type=EntityType.HOST, value="dc.bank.example"),
    connector="linux",
    incident_id="in-1",
    parameters={"playbook": "p", "step": "s", "timeout_ms": "20000"},
)
APPROVERS = Approvers({"ann": KEY.public_key(), "bob": OTHER.public_key()})
GOOD = sign_approval(ACTION, "ann", KEY, now=NOW)


def openssh(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize("age", [0, 59 * MINUTE, -MINUTE])
def test_a_recent_signature_is_consent(age: int) -> None:
    assert APPROVERS.consented(GOOD, ACTION, now=NOW + age)


@pytest.mark.parametrize("age", [61 * MINUTE, -3 * MINUTE])
def test_an_old_or_future_signature_is_none(age: int) -> None:
    assert not APPROVERS.consented(GOOD, ACTION, now=NOW + age)


@pytest.mark.parametrize(
    "approval",
    [
        replace(GOOD, principal="bob"),
        replace(GOOD, principal="eve"),
        replace(GOOD, signed_at=GOOD.signed_at + 1),
        replace(GOOD, action_hash="0" * 64),
        replace(GOOD, signature=""),
        replace(GOOD, signature="not base64 §"),
        replace(GOOD, signature=base64.b64encode(b"x" * 64).decode()),
        replace(GOOD, signature=GOOD.signature + "\n"),
        sign_approval(ACTION, "ann", OTHER, now=NOW),
    ],
)
def test_anything_else_is_no_consent(approval: Approval) -> None:
    assert not APPROVERS.consented(approval, ACTION, now=NOW)


@pytest.mark.parametrize(
    "other",
    [
        replace(ACTION, tenant="other"),
        replace(ACTION, command=Command.RELEASE_HOST),
        replace(ACTION, target=Entity(type=EntityType.HOST, value="dc2.bank.example")),
        replace(ACTION, connector="range"),
        replace(ACTION, incident_id="in-2"),
        replace(ACTION, parameters={}),
    ],
)
def test_consent_to_one_action_is_not_consent_to_another(other: Action) -> None:
    assert not APPROVERS.consented(GOOD, other, now=NOW)


def test_approvers_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "approvers"
    path.write_text(f"# who may consent\n\nann {openssh(KEY)} # desk 1\n山田 {openssh(OTHER)}\n", encoding="utf-8")
    approvers = Approvers.load(path)
    assert set(approvers.keys) == {"ann", "山田"}
    assert approvers.consented(GOOD, ACTION, now=NOW)


_RSA = generate_private_key(65537, 2048).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ann\n", ":1: expected a name and an ssh-ed25519 public key"),
        ("\nann ssh-ed25519 AAAA\n", ":2: expected a name"),
        (f"ann {_RSA}\n", ":1: expected a name"),
        (f"ann {openssh(KEY)}\nann {openssh(OTHER)}\n", ":2: 'ann' has a key already"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "approvers"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        Approvers.load(path)
    assert said in str(raised.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the approvers' keys cannot be read"):
        Approvers.load(tmp_path / "nowhere")
