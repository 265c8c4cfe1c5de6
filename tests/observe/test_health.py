"""Readiness: each check is asked, none too often, and one that hangs holds nobody up."""

import asyncio
import threading

from sakimori.core import SakimoriError
from sakimori.observe import Readiness


def _fails() -> None:
    raise SakimoriError("the disk is full: free some")


def test_each_check_is_named_with_what_it_says() -> None:
    readiness = Readiness({"database": _fails, "secrets": lambda: None})
    assert asyncio.run(readiness.ask()) == {"database": "the disk is full: free some", "secrets": None}
    readiness.close()


def test_however_many_ask_the_checks_run_once_a_second() -> None:
    asked = 0

    def count() -> None:
        nonlocal asked
        asked += 1

    async def many() -> None:
        readiness = Readiness({"database": count})
        await asyncio.gather(*(readiness.ask() for _ in range(100)))
        await readiness.ask()
        readiness.close()

    asyncio.run(many())
    assert asked == 1


def test_a_check_that_hangs_is_one_that_failed_and_is_not_asked_twice() -> None:
    over = threading.Event()
    asked: list[bool] = []

    async def hang() -> list[dict[str, str | None]]:
        readiness = Readiness({"database": lambda: asked.append(over.wait(30))}, patience=0.05)
        said = [await readiness.ask() for _ in range(3)]
        over.set()
        readiness.close()
        return said

    assert asyncio.run(hang()) == [{"database": "no answer within 0.05 s"}] * 3
    assert len(asked) <= 1


def test_what_was_closed_is_not_ready() -> None:
    readiness = Readiness({"database": lambda: None})
    readiness.close()
    assert asyncio.run(readiness.ask()) == {"database": "stopped"}
