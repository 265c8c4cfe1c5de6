"""The coverage picture: what counts, where it stands, and that the page is safe and self-contained."""

import re

from sakimori.records import Severity
from sakimori.share import CoveredRule, coverage_matrix, render_coverage
from sakimori.share.coverage import heat


def rule(tactics: str, techniques: str, title: str = "t") -> CoveredRule:
    return CoveredRule(
        title=title,
        title_ja="",
        severity=Severity.HIGH,
        tactics=tuple(tactics.split()),
        techniques=tuple(techniques.split()),
    )


def test_tactics_stand_in_the_order_of_attack_and_subtechniques_in_their_technique() -> None:
    rules = [rule("impact", "T1490"), rule("execution", "T1059.001"), rule("execution", "T1059.003 T1059")]
    matrix = coverage_matrix(rules)
    assert [(column.tactic, column.rules) for column in matrix.columns] == [("execution", 2), ("impact", 1)]
    (cell,) = matrix.columns[0].cells
    assert (cell.technique, cell.rules, cell.subtechniques) == ("T1059", 2, (("T1059.001", 1), ("T1059.003", 1)))
    assert (matrix.rules, matrix.tagged, matrix.techniques) == (3, 3, 2)


def test_a_rule_with_several_of_both_counts_where_its_techniques_belong() -> None:
    rules = [rule("execution", "T1059"), rule("impact", "T1490"), rule("execution impact", "T1059 T1490")]
    found = {(c.tactic, cell.technique): cell.rules for c in coverage_matrix(rules).columns for cell in c.cells}
    assert found == {("execution", "T1059"): 2, ("impact", "T1490"): 2}


def test_one_slip_among_many_rules_makes_no_column() -> None:
    rules = [rule("execution", "T1059")] * 9 + [rule("impact", "T1059")]
    found = {c.tactic: [cell.rules for cell in c.cells] for c in coverage_matrix(rules).columns}
    assert found == {"execution": [10], "impact": []}


def test_rules_without_tags_are_counted_and_techniques_without_tactic_come_last() -> None:
    matrix = coverage_matrix([rule("", ""), rule("", "T1059"), rule("made-up", "T1490")])
    assert [column.tactic for column in matrix.columns] == ["made-up", ""]
    assert (matrix.rules, matrix.tagged) == (3, 2)


def test_colours_are_steps_of_three() -> None:
    assert [heat(count) for count in (1, 2, 3, 8, 9, 26, 27, 80, 81, 4000)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_the_page_is_self_contained_in_two_languages_and_shows_hostile_titles_only() -> None:
    hostile = rule("execution", "T1059", "<script>alert(1)</script>\u202e{x}")
    page = render_coverage([hostile], made_at=0, language="ja")
    assert "<script" not in page
    assert "\u202e" not in page
    assert not re.search(r"(src|href)=|url\(|@import", page)
    assert '<html lang="ja">' in page
    assert ">実行<" in page
    assert ">Execution<" in page


def test_no_rules_make_an_empty_page() -> None:
    assert coverage_matrix([]).columns == ()
    assert "<!doctype html>" in render_coverage([], made_at=0, language="en")
