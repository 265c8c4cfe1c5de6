"""The search for secrets after a session finds what it is there to find."""

import base64
import logging
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.canaries import planted

from sakimori.access.secrets import Secrets
from sakimori.core import SakimoriError

MARK = b"ANOTHER-CANARY!"
"""Not that of the session: what these tests leak is leaked on purpose."""


def in_hex(key: bytes) -> bytes:
    return key.hex().encode()


def test_every_key_that_is_made_is_marked_and_none_stands_in_the_files_of_an_install(tmp_path: Path) -> None:
    with planted(MARK) as watch:
        secrets = Secrets.embedded(tmp_path)
        keys = {secrets.provision("a", purpose) for purpose in ("one", "two")}
        secrets.rotate()
        watch.search(tmp_path)
    assert len(keys) == 2
    assert all(key.startswith(MARK) for key in keys)
    assert watch.found == []


@pytest.mark.parametrize("form", [bytes, in_hex, base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_is_found_in_a_file_whatever_surrounds_it(tmp_path: Path, form: Callable[[bytes], bytes]) -> None:
    with planted(MARK) as watch:
        key = Secrets.embedded(tmp_path / "home").provision("a", "one")
        (tmp_path / "leak").write_bytes(b"x" * ((1 << 20) - 7) + form(key) + b"y" * 100)
        watch.search(tmp_path)
    assert watch.found == [str(tmp_path / "leak")]


def test_a_key_is_found_in_logs_output_and_errors(tmp_path: Path) -> None:
    with planted(MARK) as watch:
        key = Secrets.embedded(tmp_path / "home").provision("a", "one")
        logging.getLogger("sakimori").warning("the key is %s", key.hex())

        @click.command()
        @click.option("--fail", is_flag=True)
        def leak(fail: bool) -> None:
            if fail:
                raise SakimoriError(base64.b64encode(key).decode())
            click.echo(key.hex())

        CliRunner().invoke(leak)
        CliRunner().invoke(leak, ["--fail"])
    assert watch.found == ["a log line of sakimori", "the output of a command", "the output of a command"]
