"""Whatever is in a rule file, compiling it gives a plan that runs, and one clear line for what was left out."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from sakimori.core import InputError
from sakimori.detect import SigmaDetector
from sakimori.detect.sigma.compile import compile_plan
from sakimori.detect.sigma.explain import explainers
from sakimori.detect.sigma.load import parse_file
from sakimori.detect.sigma.planfile import decode, encode

from ..detect.conftest import make_batch
from .budget import keep, seeds
from .rule_inputs import rule_file

_EVENT = {"Image": "C:\\a.exe", "CommandLine": "-x ａß", "EventID": 1, "防人": ["a", None, 5], "Threat Name": ""}
_WINDOWS = ("windows", "Microsoft-Windows-Sysmon/Operational", "1")


def _compile(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    plan = compile_plan(parse_file(path, data))
    for error in plan.errors:
        assert error.reason
        assert "\n" not in str(error), "one line for each problem"
        assert 1 <= error.line <= lines, error
    assert decode(encode(plan), "plan") == plan
    detector = SigmaDetector(plan)
    for kind in (_WINDOWS, ("test", "log", "")):
        detector.detect(make_batch([_EVENT, {"User": "x", "F": None}], kind=kind))
    detector.flush()
    try:
        explained = explainers(path)
    except InputError:
        return
    for explainer in explained:
        explainer.explain(make_batch([_EVENT], kind=_WINDOWS).kind, {"Image": "x"})


def _fuzz(real: Sequence[bytes], count: int, folder: Path) -> None:
    for seed in seeds(count):
        data = rule_file(random.Random(seed), real)
        try:
            _compile(data, folder / "rule.yml")
        except Exception as error:
            error.add_note(f"seed {seed}, {keep(data, f'rule-{seed}.yml', folder)}")
            raise


def test_generated_rules_never_crash_the_compiler(tmp_path: Path) -> None:
    _fuzz([], 250, tmp_path)


def test_mutated_rules_of_sigmahq_never_crash_the_compiler(shared: Path, tmp_path: Path) -> None:
    paths = sorted((shared / "corpora" / "sigma").glob("rules*/**/*.yml"))[::25]
    _fuzz([path.read_bytes() for path in paths], 150, tmp_path)


def test_a_log_source_that_is_no_text_is_an_error_of_its_rule(tmp_path: Path) -> None:
    """Found by fuzzing: pySigma checks what is not empty only."""
    path = tmp_path / "rule.yml"
    path.write_text("title: t\nlogsource: {product: {}, category: c}\ndetection: {s: {F: x}, condition: s}\n", "utf-8")
    (error,) = SigmaDetector.load([path]).errors
    assert str(error) == f"{path}:2: each part of 'logsource' must be a text"


@pytest.mark.parametrize("text", ["", "\ufeff", "---\n---\n", "- 1\n", "a: &a [*a]\n", "x", "? : ?", "{" * 500])
def test_what_is_no_rule_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    _compile(text.encode(), tmp_path / "rule.yml")
