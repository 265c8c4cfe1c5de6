import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sakimori.ledger import Checkpoint, LocalSigner, NoteError, Verifier
from sakimori.ledger.checkpoint import origin, verifier
from sakimori.ledger.note import sign_note


class Keys:
    def __init__(self, seed: int = 1) -> None:
        self.seed = seed

    def key(self, tenant: str, purpose: str) -> bytes:
        return bytes([self.seed]) * 31 + tenant.encode()[-1:]

    def provision_all(self, wanted: object) -> None:
        """They are there for everybody."""


SIGNER = LocalSigner(Keys())
CHECKPOINT = Checkpoint.sign("a", 5, b"r" * 32, SIGNER)


def test_the_example_of_the_signed_note_specification_is_read() -> None:
    """The note and key of the documentation of golang.org/x/mod/sumdb/note."""
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    name, key_id, encoded = key.split("+", 2)
    known = Verifier(name, base64.b64decode(encoded)[1:])
    assert known.key_id.hex() == key_id
    assert str(known) == key
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    note = f"{text}\n— PeterNeumann {signature}\n"
    assert known.text_of(note) == text


@pytest.mark.parametrize("tenant", ["local", "国 銀行", "a+b", "x\ny", "../..", "%", "é" * 100])
def test_a_checkpoint_comes_back_whatever_the_institution_is_called(tenant: str) -> None:
    made = Checkpoint.sign(tenant, 2**60, b"\0" * 32, SIGNER)
    assert Checkpoint.parse(made.note, verifier(tenant, SIGNER)) == made
    assert made.note.splitlines()[:2] == [origin(tenant), str(2**60)]
    assert not set(origin(tenant)) & set(" +\n")


@given(st.data())
def test_no_character_of_a_checkpoint_can_be_changed(data: st.DataObject) -> None:
    note = CHECKPOINT.note
    place = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.sampled_from("\n 09aA+/=—\0é").filter(lambda char: char != note[place]))
    with pytest.raises(NoteError):
        Checkpoint.parse(note[:place] + other + note[place + 1 :], verifier("a", SIGNER))


@given(st.text(max_size=200))
def test_other_text_is_no_checkpoint(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text, verifier("a", SIGNER))


def test_a_checkpoint_of_another_institution_or_key_is_refused() -> None:
    with pytest.raises(NoteError, match="not signed with this institution's key"):
        Checkpoint.parse(CHECKPOINT.note, verifier("b", SIGNER))
    with pytest.raises(NoteError, match="not signed with this institution's key"):
        Checkpoint.parse(CHECKPOINT.note, verifier("a", LocalSigner(Keys(2))))


def test_a_signed_note_that_is_no_checkpoint_is_refused() -> None:
    known = verifier("a", SIGNER)
    for text in (
        "hello\n",
        f"{origin('a')}\n05\nAAAA\n",
        f"{origin('a')}\n5\nAAAA\n",
        f"{origin('b')}\n5\n{'A' * 43}=\n",
    ):
        with pytest.raises(NoteError, match=r"checkpoint|root hash"):
            Checkpoint.parse(sign_note(text, known, SIGNER.sign("a", text.encode())), known)


def test_signatures_of_others_are_left_alone_and_extension_lines_allowed() -> None:
    key = Ed25519PrivateKey.generate()
    witness = Verifier("witness.example/w", key.public_key().public_bytes_raw())
    known = verifier("a", SIGNER)
    text = f"{origin('a')}\n5\n{base64.b64encode(b'r' * 32).decode()}\nan extension\n"
    cosigned = sign_note(text, witness, key.sign(text.encode()))
    ours = sign_note(text, known, SIGNER.sign("a", text.encode())).rpartition("\n\n")[2]
    parsed = Checkpoint.parse(cosigned + ours, known)
    assert (parsed.size, parsed.root) == (5, b"r" * 32)
    with pytest.raises(NoteError, match="not signed with this institution's key"):
        Checkpoint.parse(cosigned, known)
