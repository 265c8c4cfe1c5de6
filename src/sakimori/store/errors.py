"""What can go wrong between us and the database, each as one sentence."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from sakimori.core import SakimoriError


class StoreError(SakimoriError):
    """The database cannot be used as it is."""


class WrongTenant(StoreError):
    """A record of one institution was offered to a transaction of another."""


# Primary result codes, https://www.sqlite.org/rescode.html
_SENTENCES = {
    sqlite3.SQLITE_PERM: "the database {where} may not be opened: check the owner and permissions of the file",
    sqlite3.SQLITE_BUSY: "the database {where} is locked by another process: wait for it to finish, then try again",
    sqlite3.SQLITE_LOCKED: "the database {where} is locked by another process: wait for it to finish, then try again",
    sqlite3.SQLITE_READONLY: "the database {where} is read-only: make the file and its folder writable for this user",
    sqlite3.SQLITE_IOERR: "the disk failed on the database {where}: check the disk and that the file is still there",
    sqlite3.SQLITE_CORRUPT: "the database {where} is damaged: put it aside and restore a backup",
    sqlite3.SQLITE_FULL: "the disk that holds the database {where} is full: free some space; nothing was written",
    sqlite3.SQLITE_CANTOPEN: "the database {where} cannot be opened: check that its folder exists and is writable",
    sqlite3.SQLITE_NOTADB: "the file {where} is not a Sakimori database: move it away or choose another SAKIMORI_HOME",
}


@contextmanager
def explaining(where: str) -> Generator[None, None, None]:
    """Turn what the machine refuses into a ``StoreError``; mistakes of ours (a broken constraint) pass unchanged."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(original, "sqlite_errorcode", None)
        sentence = _SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
        if sentence is None:
            raise
        raise StoreError(sentence.format(where=where)) from error


def unreadable_value(error: Exception) -> bool:
    """Whether an error of reading a row is about a value in it that does not fit its column."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "sqlite_errorcode", None) is None
    return isinstance(error, TypeError | ValueError)
