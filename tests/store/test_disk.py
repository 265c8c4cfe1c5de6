"""Real disks that are full or read-only: small ones in memory, which only root can mount."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.conftest import Keys, entry
from tests.postgres_cluster import OWNER, Cluster

from sakimori.ledger import Ledger, LocalSigner
from sakimori.store import Database, StoreError, evidence

pytestmark = pytest.mark.services
MEGABYTE = 1 << 20


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of 40 MB, half of which is taken by the file ``ballast``."""
    # Not below pytest's folder, which the server's user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="saki-disk-"))
    folder.chmod(0o755)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m,mode=0755", "tmpfs", folder], check=True)
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir()
        pytest.skip("no file system can be mounted here: this needs root")
    (folder / "ballast").write_bytes(bytes(20 * MEGABYTE))
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, disk: Path) -> Iterator[Database]:
    """On that disk."""
    if request.param == "sqlite":
        opened = Database.embedded(disk / "home")
        yield opened
        opened.close()
        return
    server: Cluster = request.getfixturevalue("cluster")
    space = disk / "space"
    space.mkdir(mode=0o700)
    user = pwd.getpwnam("postgres")
    os.chown(space, user.pw_uid, user.pw_gid)
    server.sql(f"CREATE TABLESPACE small LOCATION '{space}'")
    server.sql(f"CREATE DATABASE on_small OWNER {OWNER} TEMPLATE sakimori TABLESPACE small")
    opened = Database.open(server.url("on_small"))
    yield opened
    opened.close()
    server.drop("on_small")
    server.sql("DROP TABLESPACE small")


def put(database: Database, number: int, megabytes: int) -> None:
    with database.transaction("a") as transaction:
        LEDGER.append(transaction, entry(number))
        for piece in range(megabytes):
            evidence.put_raw(transaction, f"ev-{number}-{piece}", os.urandom(MEGABYTE))
        LEDGER.seal(transaction)


LEDGER = Ledger(LocalSigner(Keys()))


def kept(database: Database) -> list[str]:
    with database.snapshot("a") as snapshot:
        assert LEDGER.verify(snapshot).ok
        return [line.entry.id for line in LEDGER.lines(snapshot)]


def test_a_full_disk_is_one_sentence_and_with_room_again_work_goes_on(database: Database, disk: Path) -> None:
    put(database, 0, 1)
    with pytest.raises(StoreError, match=r"the disk that holds the database .* is full: free some space; nothing was"):
        put(database, 1, 60)
    assert kept(database) == ["le-0"], "what was there is there, and of what failed nothing"
    with database.snapshot("a") as snapshot:
        assert evidence.get_raw(snapshot, "ev-1-0") is None
        assert evidence.get_raw(snapshot, "ev-0-0") is not None
    (disk / "ballast").unlink()
    put(database, 2, 1)
    assert kept(database) == ["le-0", "le-2"]


def test_a_disk_that_became_read_only_is_one_sentence(disk: Path) -> None:
    database = Database.embedded(disk / "home")
    put(database, 0, 1)
    database.close()  # nothing is open for writing, or the system would not let it
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"sakimori\.db (is read-only: make|cannot be opened: check)"):
            put(database, 1, 1)
        database.close()
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    put(database, 2, 1)
    assert kept(database) == ["le-0", "le-2"]
    database.close()
