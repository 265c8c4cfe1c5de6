"""Fixtures that every room's tests may use."""

import logging
import os
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from tests.canaries import Watch, planted
from tests.postgres_cluster import Cluster
from tests.scoping import watching

from sakimori.observe.lines import Lines
from sakimori.store import Database

# How long an example takes says more about the machine than about the code. CI tries the same examples every time;
# people's machines try new ones.
settings.register_profile("sakimori", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "sakimori")

_SHARED = Path(os.environ.get("SAKIMORI_SHARED") or Path(__file__).parents[2] / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the shared corpora and standards; absent, tests that need it say so (and fail in CI)."""
    if not (_SHARED / "corpora").is_dir():
        message = f"shared corpora are absent: expected at {_SHARED} (set SAKIMORI_SHARED)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return _SHARED


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command that runs within a test and sets up its process's log leaves none of that to the next test."""
    root, ours = logging.getLogger(), logging.getLogger("sakimori")
    levels = root.level, ours.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler, Lines)]:
        root.removeHandler(handler)
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks


_WATCH = pytest.StashKey[Watch]()


@pytest.fixture(scope="session", autouse=True)
def canaries(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """After the whole session: no secret that was made in it stands in anything that it left or showed."""
    with planted() as watch:
        request.session.stash[_WATCH] = watch
        yield
    watch.search(tmp_path_factory.getbasetemp())
    assert not watch.found, f"secrets stand in: {', '.join(watch.found[:20])}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if (watch := item.session.stash.get(_WATCH, None)) is not None:
        watch.look(f"what {item.nodeid} printed", f"{report.sections} {report.longrepr}")
    return report


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh SAKIMORI_HOME."""
    path = tmp_path / "home"
    monkeypatch.setenv("SAKIMORI_HOME", str(path))
    return path


@pytest.fixture(autouse=True, scope="session")
def every_statement_names_the_institution() -> Iterator[None]:
    """Whatever a test does with a database, a statement that could touch another institution's rows fails it."""
    with watching():
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this test session's own. Ask for it in tests marked ``services``."""
    try:
        made = Cluster()
    except FileNotFoundError as error:
        pytest.fail(str(error))
    yield made
    made.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind: what is asked of it must hold on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sakimori.db"
    server: Cluster = request.getfixturevalue("cluster")
    return server.url(server.emptied())


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database, empty, on SQLite and on PostgreSQL."""
    opened = Database.open(database_url)
    yield opened
    opened.close()
