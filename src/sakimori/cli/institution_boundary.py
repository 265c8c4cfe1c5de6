"""The institution's boundary for commands that only look: its own key, dictionaries and, if installed, models."""

import os
from collections.abc import Generator
from contextlib import contextmanager

import click

from sakimori.core import InputError, Settings, SystemClock
from sakimori.gateway.boundary import (
    Boundary,
    Recogniser,
    RecogniserSettings,
    installed_models,
    keep_compiled_in,
)
from sakimori.gateway.dictionaries import boundary_of
from sakimori.service import installation

models_option = click.option(
    "--models/--no-models",
    default=None,
    help="Ask name recognition models too (extra [ner]); the default where they are installed.",
)


@contextmanager
def institution_boundary(models: bool | None) -> Generator[Boundary]:
    """The boundary that calls would have, so that tokens are those of calls. ``models`` as the option gives it.

    Raises:
        InputError: models are wanted and none is installed.
    """
    installed = installed_models()
    if models and not installed:
        raise InputError("--models: none is installed; install the extra with `pip install 'sakimori[ner]'`")
    settings = Settings.from_environment()
    keep_compiled_in(settings.home / "cache")
    recogniser = None
    if installed and models is not False:
        recogniser = Recogniser(RecogniserSettings(models=installed, workers=os.cpu_count() or 1))
    try:
        with (
            installation(settings, SystemClock()) as install,
            install.database.snapshot(install.tenant) as snapshot,
        ):
            made = boundary_of(snapshot, install.secrets, recogniser)
        yield made
    finally:
        if recogniser is not None:
            recogniser.close()
