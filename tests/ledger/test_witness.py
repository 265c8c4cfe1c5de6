import base64
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.conftest import Keys, Write, entry

from sakimori.core import InputError
from sakimori.ledger import Checkpoint, Cosigner, Ledger, LocalSigner, Memory, NoteError, Verifier, witness
from sakimori.ledger.cosignature import cosign, cosigner
from sakimori.ledger.witness import Conflict, Witness
from sakimori.store import Database

NOW = 1_679_315_147


@pytest.fixture
def second(tmp_path: Path, cosigning: LocalSigner) -> Witness:
    return Witness(Memory(tmp_path / "witness"), cosigning, "監査法人")


def ask(database: Database, ledger: Ledger, old: int | None = None) -> str:
    with database.snapshot("a") as snapshot:
        return witness.request(snapshot, ledger.verifier("a"), old=old)


def keep(database: Database, ledger: Ledger, by: Cosigner, note: str) -> Checkpoint:
    with database.transaction("a") as transaction:
        return witness.keep(transaction, ledger.verifier("a"), by, note)


def test_the_example_of_the_cosignature_specification_is_read_but_not_trusted_blindly() -> None:
    """Names and key ids of C2SP tlog-cosignature, whose example publishes no public key."""
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa "
        "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 "
        "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    stranger = Cosigner("witness.example.com/w1", bytes(32))
    assert stranger.line_in(note) is None, "the id of its key is another one"


def test_a_cosignature_is_over_header_time_and_text_as_specified(signer: LocalSigner, cosigning: LocalSigner) -> None:
    checkpoint = Checkpoint.sign("a", 7, b"r" * 32, signer)
    by = cosigner("w", cosigning, "witness.example/w1")
    note = cosign(checkpoint.note, by, "w", cosigning, seconds=NOW)
    line = note.splitlines()[-1]
    blob = base64.b64decode(line.removeprefix("— witness.example/w1 "))
    assert (blob[:4], int.from_bytes(blob[4:12], "big"), len(blob)) == (by.key_id, NOW, 76)
    text = checkpoint.note.partition("\n\n")[0] + "\n"
    by.check(blob[12:], f"cosignature/v1\ntime {NOW}\n{text}".encode())
    assert by.line_in(note) == (line + "\n", NOW)
    assert Cosigner.parse(str(by)) == by
    with pytest.raises(NoteError, match="of type 4, where type 1 was expected"):
        Verifier.parse(str(by))


@pytest.mark.parametrize("vkey", ["", "a", "a+b", "a+b+c", "a+00000000+AAAA", " x+00000000+BAAA", "a b+1+" + "A" * 44])
def test_what_is_no_public_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteError):
        Cosigner.parse(vkey)


def test_a_witness_follows_a_log_as_it_grows(database: Database, ledger: Ledger, write: Write, second: Witness) -> None:
    log = ledger.verifier("a")
    sizes: list[int] = []
    for number, groups in enumerate(((3,), (1, 1), (7, 2, 16))):
        newest = write(*groups)
        signed, note = second.cosign(ask(database, ledger), log, first=number == 0, seconds=NOW + number)
        assert (signed.size, signed.root) == (newest.size, newest.root)
        assert keep(database, ledger, second.key, note).size == newest.size
        sizes.append(newest.size)
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot, cosigners=[second.key], demanded=1)
        assert (found.ok, found.cosigned) == (True, sizes[-1])
        kept = ledger.checkpoint(snapshot)
        assert kept is not None
        assert second.key.line_in(kept.note) is not None
        stranger = Cosigner("x", bytes(32))
        found = ledger.verify(snapshot, cosigners=[second.key, stranger], demanded=2)
        assert found.problem == "no checkpoint is cosigned by 2 of the 2 cosigners that were named"


def test_one_cosigner_under_two_names_counts_once(
    database: Database, ledger: Ledger, write: Write, tmp_path: Path, cosigning: LocalSigner
) -> None:
    write(2)
    keys: list[Cosigner] = []
    for name in ("one", "two"):
        made = Witness(Memory(tmp_path / name), cosigning, "w", name)
        _, note = made.cosign(ask(database, ledger, 0), ledger.verifier("a"), first=True, seconds=NOW)
        keep(database, ledger, made.key, note)
        keys.append(made.key)
    with database.snapshot("a") as snapshot:
        assert not ledger.verify(snapshot, cosigners=keys, demanded=2).ok
        assert ledger.verify(snapshot, cosigners=keys, demanded=1).ok


def test_a_witness_signs_nothing_that_does_not_continue_what_it_saw(
    database: Database, ledger: Ledger, write: Write, second: Witness, tmp_path: Path
) -> None:
    log = ledger.verifier("a")
    write(3)
    with pytest.raises(Conflict, match="never saw the log"):
        second.cosign(ask(database, ledger), log, first=False, seconds=NOW)
    first = ask(database, ledger)
    second.cosign(first, log, first=True, seconds=NOW)
    again, _ = second.cosign(ask(database, ledger, 3), log, first=False, seconds=NOW)
    assert again.size == 3, "an answer that was lost is given again"
    write(2)
    with pytest.raises(Conflict, match=r"last saw 3 entries of that log, and the request begins at 0: .* --old 3"):
        second.cosign(ask(database, ledger), log, first=True, seconds=NOW)
    second.cosign(ask(database, ledger, 3), log, first=False, seconds=NOW)
    with pytest.raises(Conflict, match="last saw 5 entries"):
        second.cosign(first, log, first=False, seconds=NOW)

    fork = Database.embedded(tmp_path / "fork")
    with fork.transaction("a") as transaction:
        ledger.append(transaction, *(entry(number, time=9) for number in range(5)))
    ledger.sequence(fork, "a")
    with pytest.raises(Conflict, match="its history was rewritten"):
        second.cosign(ask(fork, ledger, 5), log, first=False, seconds=NOW)
    with fork.transaction("a") as transaction:
        ledger.append(transaction, entry(7))
    ledger.sequence(fork, "a")
    with pytest.raises(Conflict, match="its history was rewritten"):
        second.cosign(ask(fork, ledger, 5), log, first=True, seconds=NOW)
    with fork.snapshot("a") as snapshot:
        other = ledger.checkpoint(snapshot)
    assert other is not None
    forked = cosign(other.note, second.key, "監査法人", LocalSigner(Keys(), purpose="ledger-cosigning"), seconds=NOW)
    with pytest.raises(InputError, match="never made that checkpoint of 6 entries"):
        keep(database, ledger, second.key, forked)
    fork.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_of_a_request_can_be_changed(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("request")
    database, ledger = Database.embedded(folder), Ledger(LocalSigner(Keys()))
    for group in (3, 4):
        with database.transaction("a") as transaction:
            ledger.append(transaction, *map(entry, range(group)))
        ledger.sequence(database, "a")
    log = ledger.verifier("a")
    second = Witness(Memory(folder / "w"), LocalSigner(Keys(), purpose="w"), "w")
    with database.snapshot("a") as snapshot:
        early = witness.rows.checkpoint_from(snapshot, log, 3)
    assert early is not None
    Memory(folder / "w").keep(log.name, early.note)
    asked = ask(database, ledger, 3)
    database.close()
    place = data.draw(st.integers(0, len(asked) - 1))
    other = data.draw(st.sampled_from("\n 039aA+/=—\0é").filter(lambda char: char != asked[place]))
    with pytest.raises((InputError, Conflict)):
        second.cosign(asked[:place] + other + asked[place + 1 :], log, first=True, seconds=NOW)
    assert Memory(folder / "w").recall(log.name) == early.note
    second.cosign(asked, log, first=False, seconds=NOW)


def test_a_cosignature_that_was_altered_or_moved_is_noticed(
    database: Database, ledger: Ledger, write: Write, second: Witness
) -> None:
    write(3)
    _, note = second.cosign(ask(database, ledger), ledger.verifier("a"), first=True, seconds=NOW)
    keep(database, ledger, second.key, note)
    write(1)
    for damage in (
        "UPDATE ledger_cosignature SET size = 4",
        "UPDATE ledger_cosignature SET size = 99",
        "UPDATE ledger_cosignature SET line = replace(line, 'A', 'B')",
        "UPDATE ledger_cosignature SET line = line || line",
        "UPDATE ledger_cosignature SET cosigner = 'x'",
    ):
        with database.transaction("a") as transaction:
            transaction.connection.exec_driver_sql("SAVEPOINT before")
            transaction.connection.exec_driver_sql(damage)
            assert "a cosignature of the checkpoint of size" in str(ledger.verify(transaction).problem), damage
            transaction.connection.exec_driver_sql("ROLLBACK TO before")


def test_what_is_no_cosigned_checkpoint_of_ours_is_not_kept(
    database: Database, ledger: Ledger, write: Write, second: Witness
) -> None:
    newest = write(2)
    with pytest.raises(InputError, match="is not cosigned by"):
        keep(database, ledger, second.key, newest.note)
    with pytest.raises(InputError, match="cannot be used: it is not a signed note"):
        keep(database, ledger, second.key, "x")
    with pytest.raises(InputError, match="has 2 sealed entries, not 3"):
        ask(database, ledger, 3)
