"""What can go wrong between us and the database, each as one sentence."""

import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from sakimori.core import SakimoriError


class StoreError(SakimoriError):
    """The database cannot be used as it is."""


class WrongTenant(StoreError):
    """A record of one institution was offered to a transaction of another."""


_MISSING = re.compile(r"no such (table|column)|has no column named")
"""What SQLite says, under its code for any mistake in a statement, where the schema is not what migrations made."""
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
        if code == sqlite3.SQLITE_ERROR and _MISSING.search(str(original)):
            sentence = "the database {where} lacks a table or column: it was damaged or altered; restore a backup"
        if sentence is None:
            raise
        raise StoreError(sentence.format(where=where)) from error


def unreadable_value(error: DBAPIError) -> bool:
    """Whether an error of reading a row is about a value in it, such as text that is not UTF-8."""
    return getattr(error.orig, "sqlite_errorcode", None) is None
