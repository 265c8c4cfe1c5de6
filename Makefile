# Two commands matter to a newcomer: `make demo` and `make test`. Both set up all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHARED ?= ../shared
export SAKIMORI_SHARED ?= $(abspath $(SHARED))

.PHONY: help setup setup-dev demo test test-services fuzz lint format bench lock clean
.DEFAULT_GOAL := help

help: ## show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## a virtual environment with Sakimori and the cyber range, from the hash-locked requirements

$(VENV)/.ready: requirements.lock pyproject.toml cyberrange/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Sakimori needs Python 3.11 or newer; this is " + sys.version.split()[0] + " (try make PYTHON=python3.12 …)") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . --editable cyberrange
	@touch $@

setup-dev: $(VENV)/.ready-dev

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: setup ## a simulated bank is attacked and defended; terminal first, then out/demo.html
	$(BIN)/sakimori demo --out out/demo.html

test: setup-dev ## the test suite (pure Python, no network, no servers)
	$(BIN)/python -m pytest -n auto -m "not services"

test-services: setup-dev ## install and start the real servers, and run the tests that need them
	tools/install-services
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-local.lock
	$(BIN)/python -m pytest -m services

fuzz: setup-dev ## feed damaged rules and telemetry to compiler and readers, SECONDS=600 each
	SAKIMORI_FUZZ_SECONDS=$(or $(SECONDS),600) $(BIN)/python -m pytest -n auto --basetemp out/fuzz tests/fuzz

lint: setup-dev ## format, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: setup-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup-dev ## the figures of docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ONLY)

lock: setup-dev ## renew the locked requirements from the ranges in pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header pyproject.toml build-requirements.in -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header --extra dev pyproject.toml build-requirements.in -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header --extra local --constraint requirements.lock pyproject.toml build-requirements.in -o requirements-local.lock

clean: ## remove what was built
	rm -rf $(VENV) out build dist .pytest_cache .ruff_cache
