"""What the defence is worth on the cyber range: the same attacks with and without it."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from sakimori.core import Settings
from sakimori.evals.outcome import compare, summary

_SEEDS = range(1, 11)
_HOSTS = 50


def run() -> list[Figure]:
    own = _figures("own rules", (), "sakimori drill compare --seeds 10")
    public = shared_folder() / "corpora" / "sigma" / "rules"
    return [*own, *_figures("SigmaHQ's rules", [public], "sakimori drill compare --seeds 10 --rules SIGMA/rules")]


def _figures(with_rules: str, rules: Sequence[Path], command: str) -> list[Figure]:
    total = summary(compare(_SEEDS, hosts=_HOSTS, rules=rules, cache_dir=Settings.from_environment().home / "cache"))
    name = f"drill over {total.seeds} seeds, {with_rules}: "
    lost = Figure(
        name + "share of hosts lost",
        100 * total.lost_defended,
        "%",
        f"{100 * total.lost_undefended:.0f} % without the defence",
        command,
    )
    needless = Figure(name + "needless containments a drill", total.needless, "", None, command)
    times = [
        Figure(name + f"median simulated minutes to {what} containment", minutes, "min", None, command)
        for what, minutes in (("the first", total.minutes_to_first_containment), ("the last", total.minutes_to_contain))
        if minutes is not None
    ]
    return [lost, *times, needless]
