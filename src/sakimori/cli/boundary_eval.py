"""``sakimori boundary eval``: how much would leave, counted on texts in which somebody marked what must not."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access.rights import Right
from sakimori.cli.group import Command
from sakimori.cli.institution_boundary import institution_boundary, models_option
from sakimori.cli.output import results
from sakimori.evals.banktexts import bank_texts
from sakimori.evals.boundary import Evaluation, Found, Labelled, Leak, leaks, read_labelled
from sakimori.gateway.boundary import Boundary

_AROUND = 24
"""Code points shown on either side of a leak."""


@click.command(name="eval", cls=Command, right=Right.READ_RAW_RECORDS)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--count", type=click.IntRange(1), default=600, show_default=True, help="Without FILE: how many texts.")
@click.option("--show", type=click.IntRange(0), default=0, metavar="N", help="Show the N largest leaks, in clear.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@models_option
def eval_(file: Path | None, count: int, show: int, form: str, models: bool | None) -> None:
    """Count how much of what is marked in FILE would leave in clear.

    FILE has lines {"text": …, "spans": [[start, end, type], …]} with offsets in code points, and types of any name.
    Without it bank texts that come with Sakimori are made up and measured.
    """
    evaluation, leaked = Evaluation(), list[Leak]()
    with institution_boundary(models) as institution:
        texts = read_labelled(file) if file else bank_texts("evaluation", count)
        for labelled, found in _found(institution, list(texts)):
            evaluation.add(labelled, found)
            leaked += leaks(labelled, found)
        asked = institution.recognises_names
    worst = sorted(leaked, key=lambda leak: -leak.characters)[:show]
    if form == "json":
        click.echo(orjson.dumps(_report(evaluation, worst, models=asked), option=orjson.OPT_INDENT_2))
    else:
        _print(evaluation, worst, models=asked)


def _found(institution: Boundary, texts: list[Labelled]) -> Iterator[tuple[Labelled, list[Found]]]:
    """With as many texts at a time as keep the models busy."""

    def find(labelled: Labelled) -> list[Found]:
        return [(span.start, span.end, span.kind.value) for span in institution.tokenise(labelled.text).spans]

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        yield from zip(texts, threads.map(find, texts), strict=True)


def _report(evaluation: Evaluation, worst: Iterable[Leak], *, models: bool) -> dict[str, Any]:
    return {
        "models": models,
        "leaked": evaluation.leaked,
        "recall": evaluation.recall,
        "precision": evaluation.precision,
        "labels": {
            name: {
                "spans": score.spans,
                "leaked": score.leaked,
                "recall_whole": score.recall,
                "recall_touched": score.overlap_recall,
            }
            for name, score in sorted(evaluation.types.items())
        },
        "replaced": {
            kind: {"spans": count, "precision": evaluation.right[kind] / count}
            for kind, count in sorted(evaluation.claims.items())
        },
        "leaks": [
            {"text": leak.text, "span": [leak.start, leak.end, leak.label], "characters": leak.characters}
            for leak in worst
        ],
    }


def _print(evaluation: Evaluation, worst: Iterable[Leak], *, models: bool) -> None:
    console = results()
    looked = "rules, dictionaries, name dictionary" + (" and models" if models else "; no models")
    console.print(Text(f"{evaluation.leaked:.2%} of marked characters would leave in clear ({looked})", style="bold"))
    console.print(
        f"{evaluation.recall:.2%} of marked spans were found at least in part; "
        f"{evaluation.precision:.2%} of replaced spans touch a mark.\n"
    )
    marked = Table("marked as", box=None, pad_edge=False)
    for header in ("spans", "leaked", "found whole", "found in part"):
        marked.add_column(header, justify="right")
    for name, score in sorted(evaluation.types.items(), key=lambda entry: (-entry[1].leaked, entry[0])):
        shares = (f"{share:.2%}" for share in (score.leaked, score.recall, score.overlap_recall))
        marked.add_row(Text(name), str(score.spans), *shares)
    console.print(marked)
    console.print()
    replaced = Table("replaced as", box=None, pad_edge=False)
    for header in ("spans", "precision"):
        replaced.add_column(header, justify="right")
    for kind, count in evaluation.claims.most_common():
        replaced.add_row(kind, str(count), f"{evaluation.right[kind] / count:.2%}")
    console.print(replaced)
    for leak in worst:
        before = leak.text[max(0, leak.start - _AROUND) : leak.start]
        shown = Text(f"\n{leak.label}: …{before}").append(leak.text[leak.start : leak.end], style="bold reverse")
        console.print(shown.append(f"{leak.text[leak.end : leak.end + _AROUND]}…"))
