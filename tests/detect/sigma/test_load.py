"""Rule files: each error at its file and line, and the other rules run; plans kept on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sakimori.core import InputError
from sakimori.detect import SigmaDetector
from sakimori.detect.sigma.placeholders import read_placeholders
from sakimori.detect.sigma.plan import Threshold
from sakimori.records import EventBatch, Severity

GOOD = """\
title: Good
id: 00000000-0000-4000-8000-000000000001
logsource: {product: test, service: log}
detection:
  s:
    A: 1
  condition: s
"""

BOMB = (
    b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(ord("b"), ord("j")))
    + GOOD.replace("A: 1", "A: *i").encode()
)
"""YAML aliases that would become nine to the ninth texts."""

BAD = [
    (b"title: [\n", 1, "not valid YAML"),
    (b"title: a\ntitle: b\n", 1, "Duplicate key 'title'"),
    (b"- a\n- b\n", 1, "not a Sigma rule"),
    (b"title: \xff\n", 1, "not UTF-8"),
    (b"title: x\ndetection: {s: {A: 1}, condition: s}\n", 1, "log source"),
    (b"title: x\nlogsource: 3\ndetection: 7\n", 2, "logsource"),
    (GOOD.replace("A: 1", "A|contians: x").encode(), 6, "did you mean 'contains'?"),
    (GOOD.replace("A: 1", "A|re: '('").encode(), 6, "'('"),
    (GOOD.replace("A: 1", "A|re: '(a'\n    B: 2").encode(), 6, "'(a'"),
    (GOOD.replace("A: 1", "A|cidr: 10.0.0.1/8").encode(), 6, "10.0.0.1/8"),
    (GOOD.replace("condition: s", "condition: s and t").encode(), 7, "'t'"),
    (GOOD.replace("condition: s", "condition: s and").encode(), 7, "from its character 6 on"),
    (GOOD.replace("condition: s", "condition: 's | count() > 3'").encode(), 7, "deprecated"),
    (GOOD.replace("title: Good", "title: Good\nlevel: wild").encode(), 2, "wild"),
    (b"title: x\naction: global\n", 2, "'action'"),
    (b"a: &a\n  b: *a\n", 1, ""),
    (b"[" * 5000, 1, ""),
    (GOOD.replace("condition: s", "condition: s and not s").encode(), 7, "contradicts itself"),
    (GOOD.replace("condition: s", "condition: " + "not " * 500 + "s").encode(), 1, "nested too deeply"),
    (GOOD.replace("A: 1", "A: " + "9" * 5000).encode(), 1, "too many digits"),
    (GOOD.replace("A: 1", "A|gt: .inf").encode(), 1, "number"),
    (GOOD.replace("A: 1", "A|hour: 24").encode(), 6, "never 24"),
    (GOOD.replace("A: 1", "1: x").encode(), 6, "put it in quotes"),
    (GOOD.replace("A: 1", "A: {b: 1}").encode(), 4, "of type dict"),
    (GOOD.replace("A: 1", "A: 2026-01-01").encode(), 4, "of type datetime.date"),
    (GOOD.replace("A: 1", 'A: "\\ud800"').encode(), 6, "not valid YAML"),
    (GOOD.replace("A: 1", "A|re: '((a{1,1000}){1,1000}){1,1000}'").encode(), 6, "repetition"),
    (GOOD.replace("A: 1", "A|re: '(?=a)b'").encode(), 6, "'(?=a)b'"),
    (BOMB, 13, "aliases"),
    (
        GOOD.replace("A: 1", "A|contains: 4711").encode(),
        6,
        "'contains' does not take the value '4711': it needs a text",
    ),
    (GOOD.replace("A: 1", "A|gt: '10'").encode(), 6, "'gt' does not take the value '10': it needs a number"),
    (GOOD.replace("A: 1", "A|exists: 'no'").encode(), 6, "it needs true or false"),
    (GOOD.replace("A: 1", "A|i: x").encode(), 6, "'i' needs 're' before it"),
    (GOOD.replace("A: 1", "A|re|cased: x").encode(), 6, "'cased' does not go with"),
    (GOOD.replace("condition: s", "condition:").encode(), 7, "'condition' must be a text"),
    (GOOD.replace("A: 1", "A|cased|contains: x\n    A|contains|cased: y").encode(), 7, "there twice"),
]


@pytest.mark.parametrize(("data", "line", "words"), BAD)
def test_a_bad_file_is_one_clear_line_and_the_others_run(
    data: bytes, line: int, words: str, tmp_path: Path, batch: Callable[..., EventBatch]
) -> None:
    (tmp_path / "a.yml").write_bytes(data)
    (tmp_path / "b.yml").write_text(GOOD.replace("0001", "0002"), "utf-8")
    detector = SigmaDetector.load([tmp_path])
    (error,) = detector.errors
    assert (error.path.name, error.line) == ("a.yml", line)
    assert words in error.reason
    assert "\n" not in str(error)
    assert len(detector.detect(batch([{"A": 1}]))) == 1


def test_documents_of_one_file_stand_alone(tmp_path: Path) -> None:
    other = GOOD.replace("0001", "0002")
    (tmp_path / "a.yml").write_text(f"{GOOD}---\ntitle: x\n---\n{other}---\n", "utf-8")
    detector = SigmaDetector.load([tmp_path])
    assert [rule.header.line for rule in detector.rules] == [1, 11]
    assert [error.line for error in detector.errors] == [9]


def test_an_id_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD, "utf-8")
    (tmp_path / "b.yml").write_text(GOOD, "utf-8")
    detector = SigmaDetector.load([tmp_path])
    assert len(detector.rules) == 1
    (error,) = detector.errors
    assert (error.path.name, error.line) == ("b.yml", 2)
    assert "a.yml:1" in error.reason


def test_of_two_rules_without_id_and_with_one_title_the_second_is_refused_by_its_title(tmp_path: Path) -> None:
    nameless = "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith("id:"))
    (tmp_path / "a.yml").write_text(f"{nameless}---\n{nameless}", "utf-8")
    (error,) = SigmaDetector.load([tmp_path]).errors
    assert error.reason.startswith("title 'Good', without an id, is taken already")


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such rule file"):
        SigmaDetector.load([tmp_path / "none"])


def test_placeholders_are_reported_and_do_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD.replace("A: 1", "A|expand: '%admins%-%hosts%'"), "utf-8")
    detector = SigmaDetector.load([tmp_path])
    assert not detector.errors
    (rule,) = detector.rules
    assert getattr(rule, "placeholders", None) == ("admins", "hosts")


def test_what_is_kept_serves_until_a_rule_changes(tmp_path: Path, batch: Callable[..., EventBatch]) -> None:
    rules, cache = tmp_path / "rules", tmp_path / "cache"
    rules.mkdir()
    rule = rules / "a.yml"
    rule.write_text(GOOD.replace("A: 1", "A|contains: evil"), "utf-8")
    events = batch([{"A": "evil"}, {"A": "good"}])
    assert len(SigmaDetector.load([rules], cache).detect(events)) == 1
    assert list(cache.glob("*.hs"))
    assert len(SigmaDetector.load([rules], cache).detect(events)) == 1
    rule.write_text(GOOD.replace("A: 1", "A|contains: o"), "utf-8")
    assert [f.evidence[0].fields["A"] for f in SigmaDetector.load([rules], cache).detect(events)] == ["good"]


def test_damaged_caches_are_made_anew(tmp_path: Path, batch: Callable[..., EventBatch]) -> None:
    rules, cache = tmp_path / "rules", tmp_path / "cache"
    rules.mkdir()
    (rules / "a.yml").write_text(GOOD.replace("A: 1", "A|contains: evil"), "utf-8")
    events = batch([{"A": "evil"}, {"A": "good"}])
    SigmaDetector.load([rules], cache).detect(events)
    for kept in cache.iterdir():
        kept.write_bytes(kept.read_bytes()[:20])
    assert len(SigmaDetector.load([rules], cache).detect(events)) == 1


def test_every_rule_of_sigmahq_compiles(shared: Path) -> None:
    detector = SigmaDetector.load(sorted((shared / "corpora" / "sigma").glob("rules*")))
    assert not detector.errors
    assert len(detector.rules) == 3777
    assert sum(bool(getattr(rule, "placeholders", ())) for rule in detector.rules) == 25


def test_fields_and_values_of_any_character(tmp_path: Path, batch: Callable[..., EventBatch]) -> None:
    names = ["防 人", "%", '"', "'", "a\nb", "{}", "🦊.a[0]", ".*", "\\", "-", "x" * 10_000, "\u200b"]
    rules = [
        {"title": f"x{number}", "logsource": {"product": "test"}, "detection": {"s": {name: name}, "condition": "s"}}
        for number, name in enumerate(names)
    ]
    (tmp_path / "a.yml").write_text(yaml.safe_dump_all(rules, allow_unicode=True), "utf-8")
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        detector = SigmaDetector.load([tmp_path / "a.yml"], cache)
        assert not detector.errors
        found = detector.detect(batch([{name: name} for name in names]))
        assert [finding.title for finding in found] == [f"x{number}" for number in range(len(names))]


def test_numbers_beyond_64_bits_survive_the_cache(tmp_path: Path, batch: Callable[..., EventBatch]) -> None:
    big = 1 << 200
    count = f"---\ntitle: c\ncorrelation: {{type: event_count, rules: [{GOOD[16:52]}], timespan: 1m, "
    text = GOOD.replace("A: 1", f"A: {big}\n    B|gt: {big}") + count + f"condition: {{gte: {big}}}}}\n"
    (tmp_path / "a.yml").write_text(text, "utf-8")
    for _ in range(2):
        detector = SigmaDetector.load([tmp_path / "a.yml"], tmp_path / "cache")
        assert not detector.errors
        assert getattr(detector.rules[1], "thresholds", ()) == (Threshold("gte", big),)
        assert detector.detect(batch([{"A": str(big), "B": str(big + 1)}])) == []
        assert len(detector.correlator.state()) == 1, "the rule held; of that the correlation asks for more"


LEVELS = """\
title: Low stable
name: low
level: low
status: stable
logsource: {product: test}
detection: {s: {A: 1}, condition: s}
---
title: High experimental
level: high
status: experimental
logsource: {product: test}
detection: {s: {A: 1}, condition: s}
---
title: Medium by default
logsource: {product: test}
detection: {s: {A: 1}, condition: s}
---
title: Many
level: critical
status: test
correlation: {type: event_count, rules: [low], timespan: 1m, condition: {gte: 2}, generate: true}
"""


@pytest.mark.parametrize(
    ("min_level", "statuses", "expected"),
    [
        (None, None, {"Low stable", "High experimental", "Medium by default", "Many"}),
        (Severity.MEDIUM, None, {"High experimental", "Medium by default", "Many"}),
        (Severity.CRITICAL, None, {"Many"}),
        (None, ["stable"], {"Low stable", "Medium by default"}),
        (Severity.HIGH, ["experimental"], {"High experimental"}),
    ],
)
def test_rules_are_chosen_by_level_and_status(
    min_level: Severity | None,
    statuses: list[str] | None,
    expected: set[str],
    tmp_path: Path,
    batch: Callable[..., EventBatch],
) -> None:
    (tmp_path / "a.yml").write_text(LEVELS, "utf-8")
    detector = SigmaDetector.load([tmp_path], min_level=min_level, statuses=statuses)
    found = detector.detect(batch([{"A": 1}, {"A": 1}])) + detector.flush()
    assert {finding.title for finding in found} == expected


def test_an_unknown_status_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'stabel' is no status"):
        SigmaDetector.load([tmp_path], statuses=["stabel"])


def test_values_for_placeholders_come_from_a_file_and_change_what_is_kept(
    tmp_path: Path, batch: Callable[..., EventBatch]
) -> None:
    rule, lists, cache = tmp_path / "a.yml", tmp_path / "lists.yaml", tmp_path / "cache"
    rule.write_text(GOOD.replace("A: 1", "A|expand: '%admins%'"), "utf-8")
    events = batch([{"A": "alice"}, {"A": "srv7"}, {"A": "7"}])
    for text, expected in (("admins: [alice, 'srv*']", 2), ("'%admins%': 7", 1), ("admins: []", 0)):
        lists.write_text(text, "utf-8")
        detector = SigmaDetector.load([rule], cache, placeholders=read_placeholders(lists))
        assert len(detector.detect(events)) == expected
        assert getattr(detector.rules[0], "placeholders", None) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "lists.yaml:1: not valid YAML"),
        ("- a", "must be a mapping"),
        ("1: a", "is no text"),
        ("a: {b: c}", "no text or number"),
        ("a: [[b]]", "no text or number"),
        ("a: yes", "no text or number"),
    ],
)
def test_bad_placeholder_files_are_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "lists.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=words):
        read_placeholders(path)


def test_placeholders_that_multiply_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD.replace("A: 1", "A|expand: '%n%%n%%n%'"), "utf-8")
    values = tuple(str(number) for number in range(1000))
    (error,) = SigmaDetector.load([tmp_path], placeholders={"n": values}).errors
    assert "1000000000 values" in error.reason


def test_a_broken_filter_leaves_its_rules_running(tmp_path: Path, batch: Callable[..., EventBatch]) -> None:
    (tmp_path / "a.yml").write_text(GOOD, "utf-8")
    filters = ["A|contians: x", "A|expand: '%unknown%'", "A: 1"]
    for number, selection in enumerate(filters):
        condition = "not selektion" if number == 2 else "not selection"
        (tmp_path / f"f{number}.yml").write_text(
            f"title: f{number}\nlogsource: {{product: test}}\nfilter:\n  rules: any\n"
            f"  selection:\n    {selection}\n  condition: {condition}\n",
            "utf-8",
        )
    detector = SigmaDetector.load([tmp_path])
    assert [(error.path.name, error.line) for error in detector.errors] == [("f0.yml", 6), ("f1.yml", 6), ("f2.yml", 7)]
    assert len(detector.detect(batch([{"A": 1}]))) == 1
