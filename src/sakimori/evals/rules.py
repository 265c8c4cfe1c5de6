"""The labelled-rules figure: does each rule of SigmaHQ fire on the event log that SigmaHQ recorded for it?

An ``info.yml`` names a rule and, per test, an event log and how many events must match. Its ``path`` begins with
``regression_data/``, which stands for the folder that holds the data. Run as ``python -m sakimori.evals.rules SIGMA``,
where ``SIGMA`` holds ``rules*`` and ``regression``.
"""

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from sakimori import collect
from sakimori.core import LOCAL_TENANT, InputError, SystemClock
from sakimori.detect import Placeholders, SigmaDetector
from sakimori.detect.sigma.library import load_plan, rule_files
from sakimori.detect.sigma.selection import chooses, select
from sakimori.records import EventBatch, Severity

REQUIRED = 0.95
"""Share of tests that must match."""

_PREFIX = "regression_data/"
_ID = re.compile(r"^id:\s*['\"]?([^\s'\"#]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LabelledTest:
    """One recording and the rule that must fire on it."""

    rule_id: str
    title: str
    recording: Path
    matches: int
    """At least so many events must match."""


@dataclass(frozen=True, slots=True)
class Result:
    test: LabelledTest
    found: int
    """Events of the recording for which the rule held."""
    problem: str = ""
    """Why the recording could not be read, where that is so."""

    @property
    def passed(self) -> bool:
        return not self.problem and self.found >= self.test.matches


def labelled_tests(folder: Path) -> list[LabelledTest]:
    """All tests below a folder of regression data that are recorded as event logs (EVTX).

    Raises:
        InputError: an ``info.yml`` that does not have the expected form, or no ``info.yml`` at all.
    """
    found: list[LabelledTest] = []
    for info in sorted(folder.rglob("info.yml")):
        try:
            plain = cast("dict[str, Any]", yaml.safe_load(info.read_text("utf-8")))
            rule = plain["rule_metadata"][0]
            found += [
                LabelledTest(
                    rule_id=str(rule["id"]),
                    title=str(rule["title"]),
                    recording=folder / str(test["path"]).removeprefix(_PREFIX),
                    matches=int(test.get("match_count", 1)),
                )
                for test in plain.get("regression_tests_info", ())
                if test["type"] == "evtx"
            ]
        except (yaml.YAMLError, KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"{info}: not a description of regression data: {error}") from error
    if not found:
        raise InputError(f"{folder}: holds no info.yml with recorded event logs")
    return found


def rules_under_test(
    folder: Path,
    tests: Iterable[LabelledTest],
    *,
    placeholders: Placeholders | None = None,
    min_level: Severity | None = None,
    statuses: Collection[str] | None = None,
) -> tuple[SigmaDetector, frozenset[str]]:
    """A detector with the rules below ``folder`` that some test is about, and their ids, whether they compile or not.

    See ``SigmaDetector.load`` for the choice among them.

    Raises:
        InputError: a rule file that cannot be read, or an unknown status.
    """
    wanted = {test.rule_id for test in tests}
    chosen: list[Path] = []
    known: set[str] = set()
    for path in rule_files([folder]):
        if path.name != "info.yml" and (named := wanted.intersection(_ID.findall(_text(path)))):
            chosen.append(path)
            known |= named
    plan = load_plan(chosen, None, placeholders)
    headers = [item.header for item in (*plan.rules, *plan.correlations)]
    known -= {header.id for header in headers if not chooses(header, min_level=min_level, statuses=statuses)}
    return SigmaDetector(select(plan, min_level=min_level, statuses=statuses)), frozenset(known)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise InputError(f"{path}: rule file cannot be read: {error.strerror}") from error


def evaluate(tests: Iterable[LabelledTest], detector: SigmaDetector) -> list[Result]:
    """Run every rule over its recording, all rules of the detector at once."""
    results: list[Result] = []
    for test in tests:
        fired: Counter[str] = Counter()
        problem = ""
        for item in collect.read([test.recording], tenant=LOCAL_TENANT, clock=SystemClock()):
            if isinstance(item, EventBatch):
                fired.update(found.rule_id for found in detector.detect(item))
            elif isinstance(item, collect.SourceRead) and item.outcome is not collect.Outcome.READ:
                problem = item.reason
        detector.flush()
        results.append(Result(test, fired[test.rule_id], problem))
    return results


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m sakimori.evals.rules SIGMA")
        return 2
    sigma = Path(arguments[0])
    try:
        tests = labelled_tests(sigma / "regression")
        detector = SigmaDetector.load(sorted(sigma.glob("rules*")))
    except InputError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for problem in detector.errors:
        print(f"left out: {problem}", file=sys.stderr)
    results = evaluate(tests, detector)
    passed = sum(result.passed for result in results)
    for result in results:
        if not result.passed:
            test = result.test
            print(f"missed: {test.title} ({test.rule_id}): {result.found} of {test.matches} events in {test.recording}")
    print(f"labelled rules: {passed} of {len(results)} matched ({passed / len(results):.1%}; {REQUIRED:.0%} required)")
    return 0 if passed >= REQUIRED * len(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
