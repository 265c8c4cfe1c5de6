"""How an explanation of a rule looks in a terminal and as a JSON line."""

from collections.abc import Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from sakimori.cli.view import moment
from sakimori.core import plain, rfc3339
from sakimori.detect.sigma.explain import Explainer, Explanation, Question, Step
from sakimori.records import EventBatch, cell_texts

_LONGEST = 240
"""Characters of a value that a terminal is shown."""
_SHOWN = 8
"""Of many patterns for one field; all are in the JSON lines."""
_OPERATORS = {"all": "all of", "any": "any of", "not": "not"}


def explanation_line(explainer: Explainer, batch: EventBatch, row: int, explanation: Explanation) -> bytes:
    line = {
        "rule_id": explainer.id,
        "title": explainer.title,
        "event_id": batch.event_id(row),
        "time": rfc3339(batch.time(row)),
        "in_log_source": explanation.in_source,
        "placeholders": explainer.placeholders,
        "matched": explanation.matched,
        "condition": _plain_part(explanation.condition),
    }
    return orjson.dumps(line)


def _plain_part(part: Step | Question) -> dict[str, Any]:
    if isinstance(part, Step):
        return {
            "operator": part.operator,
            "name": part.name,
            "holds": part.holds,
            "parts": [_plain_part(inner) for inner in part.parts],
        }
    return {
        "field": part.field,
        "own_name": part.own_name,
        "wanted": part.wanted,
        "seen": part.seen,
        "holds": part.holds,
    }


def show_explanation(
    console: Console, explainer: Explainer, batch: EventBatch, row: int, explanation: Explanation
) -> None:
    verdict = "matches" if explanation.matched else "does not match"
    head = mark(holds=explanation.matched).append(f"{plain(explainer.title)}: {verdict}", style="bold")
    tree = Tree(head, guide_style="dim")
    kind = " ".join(part for part in (batch.kind.product, batch.kind.channel, batch.kind.code) if part)
    tree.add(Text(plain(f"{batch.event_id(row)}  {moment(batch.time(row))}  {kind}"), style="dim"))
    if not explanation.in_source:
        tree.add(Text(f"the event is not of the rule's log source {plain(str(explainer.source))}", style="yellow"))
    if explainer.placeholders:
        names = ", ".join(f"%{plain(name)}%" for name in explainer.placeholders)
        tree.add(Text(f"the rule does not run before {names} has values", style="yellow"))
    _grow(tree, explanation.condition)
    console.print(tree)


def _grow(tree: Tree, part: Step | Question) -> None:
    if isinstance(part, Question):
        _grow_value(tree, "", part)
        return
    questions = [inner for inner in part.parts if isinstance(inner, Question)]
    if len(questions) == len(part.parts) == 1 and part.operator != "not":
        _grow_value(tree, part.name, questions[0])
        return
    if len(questions) == len(part.parts) > 1 and len({inner.field for inner in questions}) == 1:
        _grow_values(tree, part, questions)
        return
    label = " ".join(word for word in (part.name and f"{plain(part.name)}:", _OPERATORS[part.operator]) if word)
    branch = tree.add(mark(holds=part.holds).append(label, style="" if not part.name else "bold"))
    for inner in part.parts:
        _grow(branch, inner)


def _grow_value(tree: Tree, name: str, question: Question) -> None:
    line = mark(holds=question.holds).append(f"{plain(name)}: " if name else "", style="bold")
    line.append(f"{_name(question)} {plain(question.wanted)}")
    tree.add(line.append(f"   {_seen(question)}", style="dim"))


def _grow_values(tree: Tree, step: Step, questions: Sequence[Question]) -> None:
    """Many patterns for one field: the value is shown once, and first the patterns that hold."""
    first = questions[0]
    line = mark(holds=step.holds).append(f"{plain(step.name)}: " if step.name else "", style="bold")
    line.append(f"{_name(first)} {_OPERATORS[step.operator]} {len(questions)}").append(
        f"   {_seen(first)}", style="dim"
    )
    branch = tree.add(line)
    ordered = sorted(questions, key=lambda question: question.holds is (step.operator == "all"))
    for question in ordered[:_SHOWN]:
        branch.add(mark(holds=question.holds).append(plain(question.wanted)))
    if len(ordered) > _SHOWN:
        branch.add(Text(f"… and {len(ordered) - _SHOWN} more", style="dim"))


def mark(*, holds: bool) -> Text:
    return Text("✓ ", style="green") if holds else Text("✗ ", style="red")


def _name(question: Question) -> str:
    if question.field is None:
        return "any field"
    renamed = question.own_name not in (None, question.field)
    return plain(question.field + (f" ({question.own_name})" if renamed else ""))


def _seen(question: Question) -> str:
    if question.field is None:
        return ""
    if question.seen is None:
        return "the event has no such field"
    shown = " | ".join(cell_texts(question.seen)) if question.seen.startswith("\0") else question.seen
    return "saw " + plain(shown[:_LONGEST]) + ("…" if len(shown) > _LONGEST else "")
