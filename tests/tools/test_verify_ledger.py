"""The one-file verifier, and that it and our own check notice every mutation of a real log and of its export."""

import ast
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.conftest import Keys, entry
from tests.tools.forgeries import FORGERIES, Forgery, Records, move_checkpoint, spelled

from sakimori.core import InputError
from sakimori.ledger import Checkpoint, Ledger, LedgerError, LocalSigner, Memory, erasure, export, proof, witness
from sakimori.ledger.cosignature import cosign, cosigner
from sakimori.store import Database

TOOL = Path(__file__).parents[2] / "tools" / "verify_ledger.py"
LOG, WITNESS, OTHER = (LocalSigner(Keys(), purpose=purpose) for purpose in ("log", "witness", "other"))


def check(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Alone: isolated from the environment, the current folder and whatever is installed in development mode."""
    command = [sys.executable, "-I", str(TOOL), str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=path.parent, env={})


@pytest.fixture(scope="module")
def tool() -> Any:
    """The verifier in this process, for thousands of runs; imported by its path."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("verify_ledger", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class World:
    """A real log: groups, an erasure, a cosigned end; and what others were given of it."""

    database: Database
    ledger: Ledger
    key: str
    cosigner: str
    export: bytes
    proof: str
    cosigned: Checkpoint
    early: Checkpoint
    """An anchor from before the end."""
    folder: Path

    def run(self, tool: Any, content: bytes, *more: str) -> tuple[bool, str]:
        """Whether the verifier accepts a file, and what it says."""
        path = self.folder / "file"
        path.write_bytes(content)
        arguments = [str(path), "--key", self.key, "--cosigner", self.cosigner, "--cosigned", "1", *more]
        patch, said = pytest.MonkeyPatch(), list[str]()

        def say(*words: object) -> None:
            said.append(" ".join(map(str, words)))

        with patch.context() as context:
            context.setattr(sys, "argv", ["verify_ledger.py", *arguments])
            context.setattr("builtins.print", say)
            code = tool.main()
        assert said[0].startswith({0: "OK: ", 1: "NOT OK: ", 2: "NOT CHECKED: "}[code]), said
        return code == 0, said[0]


def exported(database: Database, ledger: Ledger, **chosen: Any) -> bytes:
    with database.snapshot("a") as snapshot:
        verifier = ledger.verifier("a")
        return b"".join(export.lines(snapshot, verifier, export.choose(snapshot, verifier, **chosen)))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    database, ledger = Database.embedded(folder), Ledger(LOG)
    early, number = None, 0
    for group in (1, 3, 2, 5):
        with database.transaction("a") as transaction:
            ledger.append(transaction, *(entry(number + more) for more in range(group)))
            number += group
            early = ledger.seal(transaction) if number <= 6 else early
    with database.transaction("a") as transaction:
        told = erasure.erase(transaction, 2, reason="理由", actor="person:p", now=99)
        ledger.append(transaction, told)
    ledger.sequence(database, "a")
    second = witness.Witness(Memory(folder / "witness"), WITNESS, "w")
    with database.snapshot("a") as snapshot:
        asked = witness.request(snapshot, ledger.verifier("a"))
    _, note = second.cosign(asked, ledger.verifier("a"), first=True, seconds=1_800_000_000)
    with database.transaction("a") as transaction:
        witness.keep(transaction, ledger.verifier("a"), second.key, note)
    with database.snapshot("a") as snapshot:
        cosigned = ledger.checkpoint(snapshot)
        assert cosigned is not None
        assert early is not None
        proved = proof.prove(snapshot, 4, cosigned)
    key = str(ledger.verifier("a"))
    content = exported(database, ledger)
    yield World(database, ledger, key, str(second.key), content, proved, cosigned, early, folder)
    database.close()


def test_an_auditor_can_read_it_in_one_sitting_and_it_needs_nothing_of_ours() -> None:
    source = TOOL.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    assert max(map(len, source.splitlines())) <= 120
    imported: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.Name):
            assert node.id not in {"__import__", "eval", "exec"}
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


@pytest.mark.parametrize("what", ["export", "proof"])
def test_it_runs_where_sakimori_is_not_installed(world: World, tmp_path: Path, what: str) -> None:
    """An environment of its own, with `cryptography` and what that needs, and nothing else."""
    site = tmp_path / "site"
    site.mkdir()
    import cffi
    import cryptography

    installed = Path(str(cryptography.__file__)).parents[1]
    for name in ("cryptography", "cffi", "pycparser", Path(str(cffi.__file__)).parent.name):
        if (installed / name).exists() and not (site / name).exists():
            (site / name).symlink_to(installed / name)
    for binary in installed.glob("_cffi_backend*"):
        (site / binary.name).symlink_to(binary)
    path = tmp_path / "file"
    path.write_bytes(world.export if what == "export" else world.proof.encode())
    runner = (
        "import sys, runpy, importlib.util; sys.path.insert(0, sys.argv.pop(1)); "
        "assert importlib.util.find_spec('sakimori') is None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    )
    arguments = [str(path), "--key", world.key, "--cosigner", world.cosigner, "--cosigned", "1"]
    command = [sys.executable, "-I", "-S", "-c", runner, str(site), str(TOOL), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env={})
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout.splitlines()[0]
        == {
            "export": "OK: entries 0 to 11, cosigned by 1; 1 erased, 0 times go back",
            "proof": "OK: entry 4 of 12, cosigned by 1",
        }[what]
    )


def test_the_entry_of_a_proof_is_shown_and_cannot_paint_the_terminal(world: World, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(world.proof, encoding="utf-8")
    done = check(tmp_path / "p", "--key", world.key)
    shown = json.loads(done.stdout.splitlines()[1])
    assert (shown["id"], shown["subject"], shown["actor"]) == ("le-4", '"rq\\1"\x1b\n', "person:山田\u2028\x7f")
    assert "\x1b" not in done.stdout


def test_ranges_are_checked_alone_and_continue_one_another(world: World, tool: Any, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    anchor.write_text(world.early.note, encoding="utf-8")
    assert world.early.size == 6
    ranges = {(0, None): "0 to 11", (4, None): "4 to 11", (5, 6): "4 to 5", (6, None): "6 to 11", (0, 1): "0 to 0"}
    for (first, to), found in ranges.items():
        content = exported(world.database, world.ledger, first=first, to=to)
        ok, said = world.run(tool, content, "--cosigned", "0")
        assert (ok, said.startswith(f"OK: entries {found}, ")) == (True, True), said
    assert world.run(tool, exported(world.database, world.ledger, first=6), "--anchor", str(anchor))[0]
    assert world.run(tool, world.export, "--anchor", str(anchor))[0]
    part = exported(world.database, world.ledger, first=3, to=6)
    ok, said = world.run(tool, part, "--cosigned", "0")
    assert (ok, "content of entry 2 is missing" in said) == (False, True)
    with pytest.raises(InputError, match="has 12 sealed entries"):
        exported(world.database, world.ledger, to=13)
    with pytest.raises(InputError, match="is empty"):
        exported(world.database, world.ledger, first=12)
    assert exported(world.database, world.ledger, cosigned=True) == world.export


def test_wrong_keys_demands_and_anchors_are_refused(world: World, tool: Any, tmp_path: Path) -> None:
    stranger = str(cosigner("w", OTHER))
    forged = Ledger(LocalSigner(Keys(), purpose="another")).verifier("a")
    anchor = tmp_path / "anchor"
    anchor.write_text(Checkpoint.sign("a", 6, b"r" * 32, LOG).note, encoding="utf-8")
    for content in (world.export, world.proof.encode()):
        for arguments in (
            ("--cosigned", "2"),
            ("--key", str(forged)),
            ("--anchor", str(anchor)),
        ):
            ok, said = world.run(tool, content, *arguments)
            assert (ok, said.startswith("NOT OK: ")) == (False, True), (arguments, said)
    assert not world.run(tool, world.export, "--cosigned", "2", "--cosigner", stranger)[0]


def test_what_could_not_be_checked_is_not_called_altered(world: World, tool: Any, tmp_path: Path) -> None:
    """An auditor who mistypes a path or a key must not think that somebody tampered."""
    (tmp_path / "none").write_text("no checkpoint", encoding="utf-8")
    for arguments in (
        ("--key", world.cosigner),
        ("--cosigner", world.key),
        ("--key", world.key.replace("a+", "b+")),
        ("--key", "nonsense"),
        ("--anchor", str(tmp_path / "absent")),
        ("--anchor", str(tmp_path / "none")),
    ):
        ok, said = world.run(tool, world.export, *arguments)
        assert (ok, said.startswith("NOT CHECKED: ")) == (False, True), (arguments, said)
    (tmp_path / "x").write_bytes(world.export)
    for path in (tmp_path / "absent", tmp_path):
        done = check(path, "--key", world.key)
        assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (2, "", 1)
        assert done.stdout.startswith("NOT CHECKED: ")
    assert check(tmp_path / "x").returncode == 2
    assert check(tmp_path / "x", "--key", world.key).returncode == 0


def test_one_key_under_two_names_is_one_cosigner(tool: Any, tmp_path: Path) -> None:
    """Whoever holds one key can make up any number of names for it."""
    database, ledger = Database.embedded(tmp_path), Ledger(LOG)
    with database.transaction("a") as transaction:
        ledger.append(transaction, entry(0))
        newest = ledger.seal(transaction)
    assert newest is not None
    names = [cosigner("w", OTHER, name) for name in ("one", "two")]
    note = newest.note
    for name in names:
        note = cosign(note, name, "w", OTHER, seconds=1)
    keys = [tool.Key(str(name), 4) for name in names]
    assert tool.read_checkpoint(note, tool.Key(str(ledger.verifier("a")), 1), keys)[2] == 1
    database.close()


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("what", ["export", "proof"])
def test_no_bit_of_a_file_can_be_flipped_and_no_byte_removed_or_added(
    world: World, tool: Any, data: st.DataObject, what: str
) -> None:
    content = bytearray(world.export if what == "export" else world.proof.encode())
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "remove", "add", "cut"]))
    if kind == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "remove":
        del content[place]
    elif kind == "add":
        content.insert(place, data.draw(st.integers(0, 255)))
    else:
        del content[place:]
    ok, said = world.run(tool, bytes(content))
    assert not ok or bytes(content) == (world.export if what == "export" else world.proof.encode()), said


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_forger_without_the_key_is_noticed(world: World, tool: Any, data: st.DataObject, forge: Forgery) -> None:
    records: Records = [json.loads(line) for line in world.export.splitlines()[:-1]]
    assert spelled(records) == world.export
    forge(records, lambda below: data.draw(st.integers(0, below - 1)))
    ok, said = world.run(tool, spelled(records))
    assert not ok, said


@given(data=st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_checkpoint_that_is_moved_is_noticed(world: World, tool: Any, data: st.DataObject) -> None:
    records: Records = [json.loads(line) for line in world.export.splitlines()[:-1]]
    move_checkpoint(records, lambda below: data.draw(st.integers(0, below - 1)))
    assert world.run(tool, spelled(records))[0] == (spelled(records) == world.export)


@given(groups=st.lists(st.integers(1, 4), min_size=1, max_size=4), changed=st.integers(0, 5))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sequencer_that_forks_cannot_satisfy_who_holds_a_checkpoint(
    world: World, tool: Any, tmp_path_factory: pytest.TempPathFactory, groups: list[int], changed: int
) -> None:
    """With the true key it makes a second log, whole in itself: an anchor and a witness's memory tell."""
    folder = tmp_path_factory.mktemp("fork")
    database = Database.embedded(folder)
    number = 0
    for group in (6, *groups):
        with database.transaction("a") as transaction:
            world.ledger.append(
                transaction,
                *(entry(number + more, time=-1 if number + more == changed else None) for more in range(group)),
            )
            number += group
            world.ledger.seal(transaction)
    forked = exported(database, world.ledger)
    anchor = folder / "anchor"
    anchor.write_text(world.early.note, encoding="utf-8")
    assert world.run(tool, forked, "--cosigned", "0")[0]
    ok, said = world.run(tool, forked, "--cosigned", "0", "--anchor", str(anchor))
    assert (ok, said) == (False, "NOT OK: 'history was rewritten since the anchor'")
    with database.snapshot("a") as snapshot:
        assert "history was rewritten" in str(world.ledger.verify(snapshot, anchor=world.early).problem)
    database.close()


DAMAGES = [
    "UPDATE ledger_leaf SET leaf = zeroblob(64) WHERE position = {n}",
    "UPDATE ledger_leaf SET leaf = substr(leaf, 1, 32) || zeroblob(32) WHERE position = {n}",
    "UPDATE ledger_content SET body = replace(body, 'tokens', 'tokenz') WHERE position = {n}",
    "UPDATE ledger_content SET salt = zeroblob(32) WHERE position = {n}",
    "DELETE FROM ledger_content WHERE position = {n}",
    "DELETE FROM ledger_leaf WHERE position = {n}",
    "DELETE FROM ledger_leaf WHERE position >= {n}",
    "UPDATE ledger_leaf SET position = position + 100 WHERE position >= {n}",
    "UPDATE ledger_content SET body = (SELECT body FROM ledger_content WHERE position = 0) WHERE position = {n}",
    "UPDATE ledger_checkpoint SET note = (SELECT note FROM ledger_checkpoint WHERE size = 1) WHERE size > {n}",
    "DELETE FROM ledger_checkpoint WHERE size > {n}",
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("position", [1, 4, 8])
def test_a_damaged_log_is_noticed_by_us_and_its_export_never_passes_for_another(
    world: World, tool: Any, damage: str, position: int
) -> None:
    """What is exported of a damaged log is refused, by us or the verifier, or is still exactly what was signed."""
    with world.database.transaction("a") as transaction:
        transaction.connection.exec_driver_sql("SAVEPOINT before")
        transaction.connection.exec_driver_sql(damage.format(n=position))
        found = world.ledger.verify(transaction, anchor=world.cosigned)
        try:
            verifier = world.ledger.verifier("a")
            content = b"".join(export.lines(transaction, verifier, export.choose(transaction, verifier)))
        except (LedgerError, InputError):
            content = b""
        transaction.connection.exec_driver_sql("ROLLBACK TO before")
    assert not found.ok
    assert not world.run(tool, content)[0] or content == world.export


def test_the_unmutated_are_accepted_by_both(world: World, tool: Any) -> None:
    with world.database.snapshot("a") as snapshot:
        found = world.ledger.verify(snapshot, anchor=world.early)
    assert (found.problem, found.leaves, found.erased) == (None, 12, 1)
    assert world.run(tool, world.export)[0]
    assert world.run(tool, world.proof.encode())[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"c",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"n":' + b"9" * 10_000 + b"}\n",
        b'{"schema":"sakimori.ledger-export/1","origin":"sakimori/ledger/1/a","start":-1,"end":1,"frontier":["00"],"before":""}\n',
        b'{"schema":"sakimori.ledger-export/1","origin":"sakimori/ledger/1/a","start":true,"end":1e9,"frontier":[],"before":""}\n',
        b"c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nx\n\n\xe2\x80\x94 a b\n",
    ],
    ids=range(11),
)
def test_garbage_is_not_ok_in_one_line(world: World, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    done = check(tmp_path / "x", "--key", world.key)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (1, "", 1)
    assert done.stdout.startswith("NOT OK: ")


def test_a_long_export_is_checked_in_bounded_memory(tmp_path: Path, tool: Any) -> None:
    """Twenty times the entries need no more memory (each line is forgotten once it was read)."""
    import tracemalloc

    peaks: list[int] = []
    for count in (200, 4000):
        folder = tmp_path / str(count)
        database, ledger = Database.embedded(folder), Ledger(LOG)
        with database.transaction("a") as transaction:
            ledger.append(transaction, *map(entry, range(count)))
        ledger.sequence(database, "a")
        path = folder / "x"
        path.write_bytes(exported(database, ledger))
        database.close()
        key = tool.Key(str(ledger.verifier("a")), 1)
        with path.open("rb") as file:
            tracemalloc.start()
            tool.check_export(file, key, [], 0, (-1, b"", 0))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000, peaks


def test_the_hash_of_a_leaf_is_what_the_proof_says_it_is(world: World) -> None:
    """``extra``: the leaf before, salt, content."""
    extra = base64.b64decode(world.proof.split("\n")[1].removeprefix("extra "))
    assert json.loads(extra[64:])["id"] == "le-4"
