"""Ways to forge an export of a ledger without the key that signed it."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

Records = list[dict[str, Any]]
"""The lines of an export, but its last, which is their checksum."""

Forgery = Callable[[Records, Callable[[int], int]], None]
"""Changes records in one way; the second argument draws a number below the one it is given."""


def spelled(records: Records) -> bytes:
    """An export whose own checksum is right: what a forger would write."""
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for record in records]
    whole = sha256(b"".join(lines)).hexdigest()
    return b"".join(lines) + f'{{"end":{records[0]["end"]},"sha256":"{whole}"}}\n'.encode()


def _entries(records: Records) -> list[int]:
    return [at for at, record in enumerate(records) if "n" in record]


def _renumber(records: Records) -> None:
    for number, at in enumerate(_entries(records)):
        records[at]["n"] = number
    records[0]["end"] = len(_entries(records))


def remove(records: Records, draw: Callable[[int], int]) -> None:
    del records[_entries(records)[draw(len(_entries(records)))]]


def remove_and_renumber(records: Records, draw: Callable[[int], int]) -> None:
    remove(records, draw)
    _renumber(records)


def swap(records: Records, draw: Callable[[int], int]) -> None:
    places = _entries(records)
    one = draw(len(places) - 1)
    a, b = places[one], places[one + 1]
    records[a], records[b] = records[b], records[a]
    _renumber(records)


def repeat(records: Records, draw: Callable[[int], int]) -> None:
    at = _entries(records)[draw(len(_entries(records)))]
    records.insert(at, dict(records[at]))
    _renumber(records)


def rewrite(records: Records, draw: Callable[[int], int]) -> None:
    full = [at for at in _entries(records) if "entry" in records[at]]
    record = records[full[draw(len(full))]]
    record["entry"] = record["entry"].replace('"time":', '"time":1', 1)


def resalt(records: Records, draw: Callable[[int], int]) -> None:
    full = [at for at in _entries(records) if "entry" in records[at]]
    record = records[full[draw(len(full))]]
    salt = bytes.fromhex(record["salt"])
    if draw(2):
        record["salt"], record["entry"] = salt[:31].hex(), chr(salt[31] & 0x7F) + record["entry"]
    else:
        record["salt"] = (bytes([salt[0] ^ 1]) + salt[1:]).hex()


def hide(records: Records, draw: Callable[[int], int]) -> None:
    """Content taken away as if it had been erased."""
    full = [at for at in _entries(records) if "entry" in records[at]]
    record = records[full[draw(len(full))]]
    digest = sha256(bytes.fromhex(record.pop("salt")) + record.pop("entry").encode()).hexdigest()
    record["digest"] = digest


def drop_the_last_checkpoint(records: Records, draw: Callable[[int], int]) -> None:
    del records[-1]


def drop_cosignature(records: Records, draw: Callable[[int], int]) -> None:
    records[-1]["checkpoint"] = "\n".join(records[-1]["checkpoint"].split("\n")[:-2]) + "\n"


def cut(records: Records, draw: Callable[[int], int]) -> None:
    del records[1 + draw(len(records) - 2) :]
    _renumber(records)


def move_checkpoint(records: Records, draw: Callable[[int], int]) -> None:
    places = [at for at, record in enumerate(records) if "checkpoint" in record]
    records.insert(1 + draw(len(records) - 1), records.pop(places[draw(len(places))]))


def new_chain(records: Records, draw: Callable[[int], int]) -> None:
    records[0]["before"] = sha256(b"another").hexdigest()


def pretend_a_later_start(records: Records, draw: Callable[[int], int]) -> None:
    records[0]["start"] = 1
    records[0]["frontier"] = [sha256(b"x").hexdigest()]
    del records[1]


def annotate(records: Records, draw: Callable[[int], int]) -> None:
    """Words that nobody signed, beside those that somebody did."""
    kept = [0, *_entries(records)]
    records[kept[draw(len(kept))]]["approved_by"] = "the board"


def respell(records: Records, draw: Callable[[int], int]) -> None:
    """The same to a reader, and not what was written."""
    salted = next(at for at in _entries(records) if "salt" in records[at])
    second = _entries(records)[1]
    ways: list[tuple[int, str, Any]] = [
        (0, "before", records[0]["before"].upper()),
        (0, "before", records[0]["before"] + " "),
        (0, "start", False),
        (0, "start", 0.0),
        (0, "end", float(records[0]["end"])),
        (second, "n", True),
        (second, "n", 1.0),
        (salted, "salt", records[salted]["salt"].upper()),
        (salted, "salt", records[salted].pop("salt")),
    ]
    at, member, value = ways[draw(len(ways))]
    records[salted].setdefault("salt", ways[-1][2])
    records[at][member] = value


FORGERIES: list[Forgery] = [
    respell,
    remove,
    remove_and_renumber,
    swap,
    repeat,
    rewrite,
    resalt,
    hide,
    drop_the_last_checkpoint,
    drop_cosignature,
    cut,
    new_chain,
    pretend_a_later_start,
    annotate,
]
