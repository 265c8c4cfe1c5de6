"""Consent is to exactly one action, by a registered person, recently."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sakimori.access import Role, people, sshsig
from sakimori.access.people import Person
from sakimori.access.rights import Rights
from sakimori.core import InputError
from sakimori.records import Action, Approval, Command, Entity, EntityType
from sakimori.respond import Approvers, RegisteredApprovers, approval_message, sign_approval
from sakimori.store import Database, Snapshot

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


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """Nothing is in it: a file of approvers needs nothing of it."""
    database = Database.embedded(tmp_path_factory.mktemp("bank"))
    with database.snapshot("bank") as snapshot:
        yield snapshot
    database.close()


def openssh(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize("age", [0, 59 * MINUTE, -MINUTE])
def test_a_recent_signature_is_consent(bank: Snapshot, age: int) -> None:
    assert APPROVERS.consented(bank, GOOD, ACTION, now=NOW + age)


@pytest.mark.parametrize("age", [61 * MINUTE, -3 * MINUTE])
def test_an_old_or_future_signature_is_none(bank: Snapshot, age: int) -> None:
    assert not APPROVERS.consented(bank, GOOD, ACTION, now=NOW + age)


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
def test_anything_else_is_no_consent(bank: Snapshot, approval: Approval) -> None:
    assert not APPROVERS.consented(bank, approval, ACTION, now=NOW)


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
def test_consent_to_one_action_is_not_consent_to_another(bank: Snapshot, other: Action) -> None:
    assert not APPROVERS.consented(bank, GOOD, other, now=NOW)


def test_approvers_are_read_from_a_file(bank: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "approvers"
    path.write_text(f"# who may consent\n\nann {openssh(KEY)} # desk 1\n山田 {openssh(OTHER)}\n", encoding="utf-8")
    approvers = Approvers.load(path)
    assert set(approvers.keys) == {"ann", "山田"}
    assert approvers.consented(bank, GOOD, ACTION, now=NOW)


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


class Programme:
    """An institution with one lead, ann, whose SSH key is registered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database.embedded(folder)
        self.approvers = RegisteredApprovers(Rights())
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "ann")]
        subprocess.run(command, check=True)
        self.register()

    def register(self, *roles: Role, name: str = "ann", removed_at: int | None = None, **changes: Any) -> None:
        key = sshsig.public_key((self.folder / "ann.pub").read_text())
        ann = Person(ACTION.tenant, name, name, frozenset(roles or {Role.LEAD}), (openssh(OTHER), key), 1, removed_at)
        with self.database.transaction(changes.get("tenant", ACTION.tenant)) as transaction:
            people.put(transaction, replace(ann, **changes))

    def sign(self, message: bytes, *, namespace: str = "sakimori.approval") -> str:
        command = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", str(self.folder / "ann")]
        return subprocess.run(command, input=message, capture_output=True, check=True).stdout.decode()

    def consent(self, **changes: Any) -> Approval:
        signature = self.sign(approval_message(ACTION.hash, "ann", NOW))
        made = Approval(action_hash=ACTION.hash, principal="ann", signed_at=NOW, signature=signature)
        return replace(made, **changes)

    def takes(self, approval: Approval, action: Action = ACTION, now: int = NOW) -> bool:
        with self.database.snapshot(action.tenant) as snapshot:
            return self.approvers.consented(snapshot, approval, action, now=now)


@pytest.fixture
def programme(tmp_path: Path) -> Iterator[Programme]:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    made = Programme(tmp_path)
    yield made
    made.database.close()


def test_a_lead_of_the_institution_consents_with_a_registered_ssh_key(programme: Programme) -> None:
    assert programme.takes(programme.consent())
    assert programme.takes(sign_approval(ACTION, "ann", OTHER, now=NOW))
    assert not programme.takes(sign_approval(ACTION, "ann", KEY, now=NOW))


@pytest.mark.parametrize(
    "changes", [{"principal": "eve"}, {"signed_at": NOW + 1}, {"action_hash": "0" * 64}, {"signature": "x"}]
)
def test_an_ssh_signature_is_consent_to_what_was_signed_only(programme: Programme, changes: dict[str, Any]) -> None:
    assert not programme.takes(programme.consent(**changes))
    assert not programme.takes(programme.consent(), replace(ACTION, incident_id="in-2"))
    assert not programme.takes(programme.consent(), now=NOW + 61 * MINUTE)


def test_a_signature_for_another_purpose_is_no_consent(programme: Programme) -> None:
    message = approval_message(ACTION.hash, "ann", NOW)
    assert not programme.takes(programme.consent(signature=programme.sign(message, namespace="git")))
    assert not programme.takes(programme.consent(signature=programme.sign(message + b" ")))


def test_only_who_may_approve_at_this_moment_consents(programme: Programme) -> None:
    consent = programme.consent()
    for roles in ([Role.ANALYST], [Role.ENGINEER], [Role.LEAD, Role.AUDITOR]):
        programme.register(*roles)
        assert not programme.takes(consent)
    programme.register(Role.LEAD, signing_keys=())
    assert not programme.takes(consent)
    programme.register(Role.LEAD)
    assert programme.takes(consent)
    programme.register(Role.LEAD, removed_at=2)
    assert not programme.takes(consent)
    programme.register(Role.LEAD, tenant="other")
    assert not programme.takes(consent)
    assert not programme.takes(consent, replace(ACTION, tenant="other"))


def test_a_damaged_signature_is_no_consent_wherever_it_is_damaged(programme: Programme) -> None:
    """Every byte of the blob matters: one that is changed, and every end that is cut off."""
    good = programme.consent().signature
    first, *middle, last = good.strip().split("\n")
    blob = base64.b64decode("".join(middle))
    key = sshsig.load(sshsig.public_key((programme.folder / "ann.pub").read_text()))
    message = approval_message(ACTION.hash, "ann", NOW)

    def holds(changed: bytes) -> bool:
        text = "\n".join((first, base64.b64encode(changed).decode(), last))
        return sshsig.verifies(text, key, message, namespace="sakimori.approval")

    assert holds(blob)
    assert not holds(blob + b"\0")
    for place in range(len(blob)):
        assert not holds(blob[:place])
        assert not holds(blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :])
