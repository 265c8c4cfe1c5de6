"""Rule files: each error at its file and line, and the other rules run; plans kept on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sakimori.core import InputError
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch

GOOD = """\
title: Good
id: 00000000-0000-4000-8000-000000000001
logsource: {product: test, service: log}
detection:
  s:
    A: 1
  condition: s
"""

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


def test_every_windows_rule_of_sigmahq_compiles(shared: Path) -> None:
    detector = SigmaDetector.load([shared / "corpora" / "sigma" / "rules" / "windows"])
    assert not detector.errors
    assert len(detector.rules) > 2000
