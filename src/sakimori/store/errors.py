"""What can go wrong between us and the database, each as one sentence."""

import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from sakimori.core import SakimoriError, plain


class StoreError(SakimoriError):
    """The database cannot be used as it is."""


class Busy(StoreError):
    """A transaction that was to begin at once could not: another one is under way, or a server is to be waited for."""


class WrongTenant(StoreError):
    """A record of one institution was offered to a transaction of another."""


_MISSING = re.compile(r"no such (table|column)|has no column named")
"""What SQLite says, under its code for any mistake in a statement, where the schema is not what migrations made."""
_UNDECODED = "Could not decode to UTF-8"
"""What the driver says, under no code, of text that it reads: SQLite takes any bytes, and we write none of these."""
_LACKS = "the database {where} lacks a table or column: it was damaged or altered; restore a backup"
_FULL = "the disk that holds the database {where} is full: free some space; nothing was written"
_LOCKED = "the database {where} is locked by another process: wait for it to finish, then try again"
_IO = "the disk failed on the database {where}: check the disk and that the file is still there"
_DAMAGED = "the database {where} is damaged: put it aside and restore a backup"
_AWAY = (
    "the database {where} does not answer: check that its server runs and can be reached, then try again; what was "
    "under way was kept whole or not at all"
)
_TURNED_AWAY = re.compile(
    r"does not exist|authentication failed|pg_hba\.conf|permission denied|not permitted to log in|no pass"
)
"""What libpq says, under no code, where the server answers and does not let us in; its words are the server's own."""
_NOT_LET_IN = (
    "the server of the database {where} does not let us in: check the role, its password and the database's name"
)
_BUSY = "the database {where} takes no more connections: raise its max_connections, or stop a process that uses it"
_DENIED = "the database {where} does not permit this to our role: run `sakimori db check`"
# Primary result codes, https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_PERM: "the database {where} may not be opened: check the owner and permissions of the file",
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: "the database {where} is read-only: make the file and its folder writable for this user",
    sqlite3.SQLITE_IOERR: _IO,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CANTOPEN: "the database {where} cannot be opened: check that its folder exists and is writable",
    sqlite3.SQLITE_NOTADB: "the file {where} is not a Sakimori database: move it away or choose another SAKIMORI_HOME",
}
# PostgreSQL, Appendix A; a code of two characters stands for its class.
_POSTGRESQL = {
    "08": _AWAY,
    "25006": "the database {where} is read-only: use its primary server instead of a standby",
    "25P03": "the database {where} ended a transaction that stood still for too long: try again",
    "40": _LOCKED,
    "42501": _DENIED,
    "42P01": _LACKS,
    "42703": _LACKS,
    "53100": _FULL,
    "53200": "the server of the database {where} is out of memory: try again when it has some",
    "53300": _BUSY,
    "55P03": _LOCKED,
    "57P": _AWAY,
    "58": _IO,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}


@contextmanager
def explaining(where: str) -> Generator[None, None, None]:
    """Turn what the machine refuses into a ``StoreError``; mistakes of ours (a broken constraint) pass unchanged."""
    try:
        yield
    except NoFreeConnection as error:
        raise StoreError(
            f"all connections of this process to the database {where} are in use: try again, or run more processes"
        ) from error
    except (DBAPIError, sqlite3.Error) as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        raise StoreError(sentence.replace("{where}", where)) from error


def unreadable_value(error: DBAPIError) -> bool:
    """Whether an error of reading a row is about a value in it, such as text that is not UTF-8 (SQLite takes all)."""
    return isinstance(error.orig, sqlite3.Error) and getattr(error.orig, "sqlite_errorcode", None) is None


def _sentence(error: DBAPIError | sqlite3.Error) -> str | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        if code is None and str(original).startswith(_UNDECODED):
            return _DAMAGED
        if code == sqlite3.SQLITE_ERROR and _MISSING.search(str(original)):
            return _LACKS
        return _SQLITE.get(code & 0xFF) if isinstance(code, int) else None
    state = getattr(original, "sqlstate", None)
    if isinstance(state, str):
        return next((_POSTGRESQL[state[:size]] for size in (5, 3, 2) if state[:size] in _POSTGRESQL), None)
    if isinstance(error, OperationalError):
        # Refused or lost connections carry no code, only words, which never hold the password.
        words = plain(" ".join(str(original).split()))[:300].replace("{", "(")
        return f"{_NOT_LET_IN if _TURNED_AWAY.search(words) else _AWAY} ({words})"
    return None
