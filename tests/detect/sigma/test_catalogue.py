"""What rules need, worked out without events."""

from pathlib import Path

from sakimori.detect.sigma.catalogue import catalogue

RULES = """\
title: Keyword and field
id: 00000000-0000-4000-8000-000000000001
name: words
logsource: {product: linux}
detection:
  k: [evil]
  s: {Path|fieldref: Other, B: 1}
  condition: k or s
---
title: Waits
id: 00000000-0000-4000-8000-000000000002
logsource: {product: windows, service: security}
detection:
  s: {User|expand: '%admins%', EventID: 1}
  condition: s
---
title: Both
correlation:
  type: value_count
  rules: [words]
  group-by: [host]
  timespan: 1m
  aliases: {host: {words: Computer}}
  condition: {gte: 2, field: Port}
"""


def test_every_rule_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    found = catalogue([tmp_path])
    assert not found.errors
    words, waits, both = found.entries
    assert (words.type, words.fields, words.keywords) == ("rule", ("B", "Other", "Path"), True)
    assert (waits.fields, waits.placeholders) == (("EventID", "User"), ("admins",))
    assert (both.type, both.fields) == ("value_count", ("B", "Computer", "Other", "Path", "Port"))
    assert both.sources == words.sources


def test_a_kept_plan_gives_the_same_catalogue(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    first = catalogue([tmp_path / "rules.yml"], tmp_path / "cache")
    assert catalogue([tmp_path / "rules.yml"], tmp_path / "cache") == first


def test_every_rule_of_sigmahq_names_a_log_source_and_what_it_asks(shared: Path, tmp_path: Path) -> None:
    found = catalogue([shared / "corpora" / "sigma" / "rules-placeholder"], tmp_path / "cache")
    assert found.entries
    for entry in found.entries:
        assert entry.sources
        assert entry.fields or entry.keywords, entry.header.path
