"""Ctrl-C is held back to the end of a block, and never lost."""

import signal
import threading

import pytest

from sakimori.service.interrupt import uninterrupted


def test_ctrl_c_comes_at_the_end_of_the_block() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - where in the block it is raised is the point
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
        done.append("never")
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_inside_is_not_hidden_by_it() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, uninterrupted():  # noqa: PT012 - both happen in the block
        signal.raise_signal(signal.SIGINT)
        raise ValueError("the error")
    assert isinstance(caught.value.__context__, ValueError)


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_are_left_alone() -> None:
    done: list[bool] = []

    def work() -> None:
        with uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
