import base64
import json
import subprocess
import sys
import threading
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from sakimori.access import secrets as secrets_module
from sakimori.access.secrets import Secrets, SecretsError


def key_files(home: Path) -> list[Path]:
    return sorted((home / "secrets").glob("*/*.key"))


def test_a_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    key = Secrets.embedded(home).provision("local", "ledger-signing")
    assert len(key) == 32
    assert Secrets.embedded(home).provision("local", "ledger-signing") == key
    (file,) = key_files(home)
    assert file.stat().st_mode & 0o777 == 0o600
    for folder in (home, home / "secrets", file.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in file.parent.iterdir()) == ["ledger-signing.key"]


def test_a_key_that_is_gone_is_never_replaced_by_reading(tmp_path: Path) -> None:
    missing = (
        r"the ledger-signing key of institution '国' is missing: restore .*/ledger-signing\.key from a backup; no new"
    )
    with pytest.raises(SecretsError, match=missing):
        Secrets.embedded(tmp_path / "new").key("国", "ledger-signing")
    assert list(tmp_path.iterdir()) == []
    Secrets.embedded(tmp_path).provision("国", "other")
    with pytest.raises(SecretsError, match=missing):
        Secrets.embedded(tmp_path).key("国", "ledger-signing")
    assert [file.stem for file in key_files(tmp_path)] == ["other"]


def test_reading_finds_what_was_made(tmp_path: Path) -> None:
    made = Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    assert Secrets.embedded(tmp_path).key("local", "ledger-signing") == made
    assert Secrets.embedded(tmp_path).provision("local", "ledger-signing") == made


def test_institutions_and_purposes_have_keys_of_their_own(tmp_path: Path) -> None:
    secrets = Secrets.embedded(tmp_path)
    tenants = ["a", "A", "../a", "国 銀行", "国 銀行\n", "é" * 300, "a/b", "", "."]
    keys = {secrets.provision(tenant, purpose) for tenant in tenants for purpose in ("one", "two")}
    assert len(keys) == 2 * len(tenants)
    assert {path.parent.parent.parent for path in key_files(tmp_path)} == {tmp_path}
    assert len(key_files(tmp_path)) == 2 * len(tenants)


@pytest.mark.parametrize("purpose", ["", "../x", "a/b", "A", "a.key", "x" * 65, "a\n"])
def test_a_purpose_is_a_word_of_ours(tmp_path: Path, purpose: str) -> None:
    with pytest.raises(ValueError, match="not a purpose"):
        Secrets.embedded(tmp_path).provision("local", purpose)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    (file,) = key_files(tmp_path)
    file.chmod(mode)
    with pytest.raises(SecretsError, match=r"others may read the secrets in .*ledger-signing\.key: run chmod 600"):
        Secrets.embedded(tmp_path).provision("local", "ledger-signing")


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    (tmp_path / "secrets").chmod(0o755)
    with pytest.raises(SecretsError, match=r"others may read the secrets in .*secrets: run chmod 700"):
        Secrets.embedded(tmp_path).provision("local", "ledger-signing")


@pytest.mark.parametrize(
    "content", [b"", b"x" * 32, b"sakimori-wrapped-key/1 x y z", b"sakimori-wrapped-key/1 a YQ== YQ=="]
)
def test_a_damaged_key_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    (file,) = key_files(tmp_path)
    file.write_bytes(content)
    with pytest.raises(SecretsError, match=r"ledger-signing\.key is damaged: restore it from a backup"):
        Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    assert file.read_bytes() == content


def test_a_link_to_somewhere_else_is_refused(tmp_path: Path) -> None:
    Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    (file,) = key_files(tmp_path)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretsError, match="cannot be used"):
        Secrets.embedded(tmp_path).provision("local", "ledger-signing")


def test_an_error_does_not_tell_the_secret(tmp_path: Path) -> None:
    key = Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    (file,) = key_files(tmp_path)
    file.chmod(0o644)
    with pytest.raises(SecretsError) as caught:
        Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    assert key.hex() not in repr(caught.value)


def test_threads_that_race_get_the_same_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    found: list[bytes] = []

    def ask() -> None:
        secrets = Secrets.embedded(tmp_path)
        barrier.wait()
        found.append(secrets.provision("local", "service-keys"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_processes_that_race_get_the_same_keys(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from sakimori.access.secrets import Secrets

print("ready", flush=True)
sys.stdin.readline()
secrets = Secrets.embedded(Path(sys.argv[1]))
for number in range(200):
    print(secrets.provision("local", f"purpose-{number}").hex())
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    first, second = (child.communicate()[0].split() for child in children)
    assert first == second
    assert len(set(first)) == 200
    assert len(key_files(tmp_path)) == 200
    assert len(list(key_files(tmp_path)[0].parent.iterdir())) == 200


def test_a_data_key_is_kept_wrapped_and_the_master_key_apart(tmp_path: Path) -> None:
    key = Secrets.embedded(tmp_path).provision("local", "ledger-signing")
    (file,) = key_files(tmp_path)
    for encoded in (key, key.hex().encode(), base64.b64encode(key)):
        assert encoded not in file.read_bytes()
    (master,) = (tmp_path / "secrets").glob("master-*.key")
    assert master.stat().st_mode & 0o777 == 0o600
    assert str(master.read_bytes()) not in str(Secrets.embedded(tmp_path).__dict__)


@pytest.mark.parametrize("other", [("a", "two"), ("b", "one")])
def test_a_wrapped_key_is_good_for_its_institution_and_purpose_only(tmp_path: Path, other: tuple[str, str]) -> None:
    secrets = Secrets.embedded(tmp_path)
    secrets.provision("a", "one")
    (first,) = key_files(tmp_path)
    secrets.provision(*other)
    (second,) = set(key_files(tmp_path)) - {first}
    second.write_bytes(first.read_bytes())
    with pytest.raises(SecretsError, match="is damaged"):
        Secrets.embedded(tmp_path).key(*other)


def test_rotation_wraps_every_key_anew_and_changes_none(tmp_path: Path) -> None:
    secrets = Secrets.embedded(tmp_path)
    before = {(tenant, purpose): secrets.provision(tenant, purpose) for tenant in ("国", "b") for purpose in ("x", "y")}
    wrapped = [path.read_bytes() for path in key_files(tmp_path)]
    (old_master,) = (tmp_path / "secrets").glob("master-*.key")
    assert Secrets.embedded(tmp_path).rotate() == 4
    assert not old_master.exists()
    assert not set(wrapped) & {path.read_bytes() for path in key_files(tmp_path)}
    assert {at: Secrets.embedded(tmp_path).key(*at) for at in before} == before
    assert {at: secrets.key(*at) for at in before} == before
    assert secrets.provision("new", "z") == Secrets.embedded(tmp_path).key("new", "z")


def test_a_process_that_knows_the_old_master_key_goes_on_after_a_rotation(tmp_path: Path) -> None:
    here, elsewhere = Secrets.embedded(tmp_path), Secrets.embedded(tmp_path)
    here.provision("a", "one")
    elsewhere.key("a", "one")
    other = here.provision("a", "two")
    here.rotate()
    assert elsewhere.key("a", "two") == other
    assert elsewhere.provision("a", "three") == Secrets.embedded(tmp_path).key("a", "three")


@pytest.mark.parametrize("survives", range(5))
def test_a_rotation_that_is_cut_off_loses_nothing_and_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survives: int
) -> None:
    """The process dies at the nth file that it replaces."""
    before = {purpose: Secrets.embedded(tmp_path).provision("a", purpose) for purpose in ("one", "two", "three")}
    really, count = secrets_module.replace, iter(range(10))

    def dying(path: Path, content: bytes) -> None:
        if next(count) == survives:
            raise KeyboardInterrupt
        really(path, content)

    monkeypatch.setattr(secrets_module, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        Secrets.embedded(tmp_path).rotate()
    monkeypatch.undo()
    assert {purpose: Secrets.embedded(tmp_path).key("a", purpose) for purpose in before} == before
    Secrets.embedded(tmp_path).rotate()
    assert {purpose: Secrets.embedded(tmp_path).key("a", purpose) for purpose in before} == before
    assert len(json.loads((tmp_path / "secrets" / "master.json").read_text())["sources"]) == 1


def test_the_master_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = base64.b64encode(b"m" * 32).decode()
    key = Secrets.embedded(tmp_path).provision("a", "one")
    monkeypatch.setenv("SAKIMORI_MASTER_KEY", text)
    Secrets.embedded(tmp_path).rotate("env:SAKIMORI_MASTER_KEY")
    assert not list((tmp_path / "secrets").glob("master-*.key"))
    assert Secrets.embedded(tmp_path).key("a", "one") == key
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or text.encode() not in path.read_bytes()
    monkeypatch.setenv("SAKIMORI_MASTER_KEY", base64.b64encode(b"n" * 32).decode())
    with pytest.raises(SecretsError, match="the key at env:SAKIMORI_MASTER_KEY is not master key"):
        Secrets.embedded(tmp_path).key("a", "one")
    monkeypatch.delenv("SAKIMORI_MASTER_KEY")
    with pytest.raises(SecretsError, match="the environment variable SAKIMORI_MASTER_KEY is not set"):
        Secrets.embedded(tmp_path).key("a", "one")


@pytest.mark.parametrize(
    ("text", "says"), [("short", "is damaged"), ("", "is not set"), ("あ" * 44, "is damaged"), ("YQ==", "is damaged")]
)
def test_a_master_key_that_cannot_be_one_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    Secrets.embedded(tmp_path).provision("a", "one")
    monkeypatch.setenv("SAKIMORI_MASTER_KEY", text)
    with pytest.raises(SecretsError, match=says) as caught:
        Secrets.embedded(tmp_path).rotate("env:SAKIMORI_MASTER_KEY")
    assert not text or text not in str(caught.value)
    assert Secrets.embedded(tmp_path).key("a", "one")


@pytest.mark.parametrize("source", ["", "env:", "env:A B", "vault:x", "file:", "/etc/passwd"])
def test_what_names_no_place_is_said_so(tmp_path: Path, source: str) -> None:
    Secrets.embedded(tmp_path).provision("a", "one")
    with pytest.raises(SecretsError, match="a master key is kept at file:PATH, env:NAME or keyring:NAME"):
        Secrets.embedded(tmp_path).rotate(source)


def test_a_folder_without_its_master_key_makes_no_other(tmp_path: Path) -> None:
    Secrets.embedded(tmp_path).provision("a", "one")
    (tmp_path / "secrets" / "master.json").rename(tmp_path / "away")
    with pytest.raises(SecretsError, match="is missing: restore it from a backup"):
        Secrets.embedded(tmp_path).provision("a", "two")
    with pytest.raises(SecretsError, match="restore both from one backup"):
        Secrets.embedded(tmp_path).key("a", "one")


class _Ring(KeyringBackend):
    """A keyring of the operating system, as its plug-ins are: machines that run tests have none that is unlocked."""

    priority = 1  # pyright: ignore[reportAssignmentType] # a class property upstream

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


def test_the_master_key_may_live_in_the_keyring_of_the_operating_system(tmp_path: Path) -> None:
    before, ring = keyring.get_keyring(), _Ring()
    keyring.set_keyring(ring)
    try:
        key = Secrets.embedded(tmp_path).provision("a", "one")
        Secrets.embedded(tmp_path).rotate("keyring:master")
        assert not list((tmp_path / "secrets").glob("master-*.key"))
        assert set(ring.kept) == {("sakimori", "master")}
        assert Secrets.embedded(tmp_path).key("a", "one") == key
        ring.kept.clear()
        with pytest.raises(SecretsError, match="the keyring has no 'master'"):
            Secrets.embedded(tmp_path).key("a", "one")
    finally:
        keyring.set_keyring(before)
