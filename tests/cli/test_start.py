"""What commands load: a gateway is one of many processes, each of which holds its libraries for itself."""

import subprocess
import sys

import pytest

_FOREIGN = ("alembic", "jinja2", "numpy", "openai", "pyarrow", "pydantic_ai", "sigma", "spacy", "sudachipy")
"""What reads telemetry, what asks models, what a gateway needs for some institutions only."""


@pytest.mark.parametrize("module", ["sakimori.cli.gateway", "sakimori.cli.acting"])
def test_a_gateway_loads_nothing_that_it_does_not_use(module: str) -> None:
    loaded = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert not set(_FOREIGN) & set(done.stdout.split())


@pytest.mark.parametrize("package", ["sakimori.service", "sakimori.gateway.boundary"])
def test_what_a_package_loads_late_is_there_when_it_is_asked_for(package: str) -> None:
    tried = f"import {package} as p; [getattr(p, name) for name in p.__all__]; print(hasattr(p, 'nothing'))"
    done = subprocess.run([sys.executable, "-c", tried], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
