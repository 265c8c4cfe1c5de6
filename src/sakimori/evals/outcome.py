"""What the defence was worth: the same attack with and without it, over seeds."""

import asyncio
import multiprocessing
import os
import signal
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

from sakimori.core import Nanos
from sakimori.evals.drill import Performance, defended, undefended
from sakimori.evals.umpire import Truth
from sakimori.share import DrillOutcome

_IGNORE_CTRL_C = (signal.SIGINT, signal.SIG_IGN)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One seed, played twice."""

    undefended: Performance
    defended: Performance

    @property
    def seed(self) -> int:
        return self.defended.seed


def compare(
    seeds: Sequence[int],
    *,
    hosts: int,
    rules: Sequence[Path] = (),
    cache_dir: Path | None = None,
    on_done: Callable[[Comparison], None] | None = None,
) -> list[Comparison]:
    """Play every seed with and without the defence, as many at once as there are cores; answers in order of seeds."""
    done: dict[int, Comparison] = {}
    with (
        tempfile.TemporaryDirectory(prefix="sakimori-drill-") as folder,
        _workers(min(os.cpu_count() or 1, len(seeds))) as pool,
    ):
        play = partial(_both, folder=Path(folder), hosts=hosts, rules=rules, cache_dir=cache_dir)
        for comparison in pool.imap_unordered(play, seeds):
            done[comparison.seed] = comparison
            if on_done:
                on_done(comparison)
    return [done[seed] for seed in seeds]


def _workers(count: int) -> Pool:
    """Processes that leave Ctrl-C to their parent, which ends them (and so their ranges) when its ``with`` ends."""
    return multiprocessing.get_context("spawn").Pool(count, initializer=signal.signal, initargs=_IGNORE_CTRL_C)


def _both(seed: int, *, folder: Path, hosts: int, rules: Sequence[Path], cache_dir: Path | None) -> Comparison:
    alone = undefended(folder / f"{seed}-undefended", seed=seed, hosts=hosts)
    play = defended(folder / f"{seed}-defended", seed=seed, hosts=hosts, rules=rules, cache_dir=cache_dir)
    return Comparison(undefended=alone, defended=asyncio.run(play))


def drill_outcome(comparison: Comparison) -> DrillOutcome:
    """For the report."""
    alone, guarded = comparison.undefended, comparison.defended
    needed = [item.time for item in guarded.containments if item.needed]
    return DrillOutcome(
        seed=comparison.seed,
        hosts=guarded.hosts,
        lost_defended=guarded.lost,
        lost_undefended=alone.lost,
        first_malicious=guarded.truth.first_malicious or guarded.started,
        contained=max(needed, default=None),
        minutes_to_first_containment=guarded.minutes_to_first_containment,
        minutes_to_contain=guarded.minutes_to_contain,
        curve_defended=_curve(guarded.truth),
        curve_undefended=_curve(alone.truth),
    )


def _curve(truth: Truth) -> tuple[tuple[Nanos, int], ...]:
    return tuple((casualty.time, total) for total, casualty in enumerate(truth.lost, start=1))


@dataclass(frozen=True, slots=True)
class Summary:
    """Over all seeds."""

    seeds: int
    lost_undefended: float
    """Mean share of hosts lost, 0 to 1."""
    lost_defended: float
    contained: int
    """Seeds in which at least one containment hit the crew."""
    minutes_to_first_containment: float | None
    """Median over those."""
    minutes_to_contain: float | None
    needless: float
    """Mean number of containments that hit what the crew had not touched."""


def summary(comparisons: Iterable[Comparison]) -> Summary:
    all_of_them = list(comparisons)
    guarded = [comparison.defended for comparison in all_of_them]
    firsts = [minutes for play in guarded if (minutes := play.minutes_to_first_containment) is not None]
    lasts = [minutes for play in guarded if (minutes := play.minutes_to_contain) is not None]
    return Summary(
        seeds=len(all_of_them),
        lost_undefended=statistics.mean(item.undefended.lost / item.undefended.hosts for item in all_of_them),
        lost_defended=statistics.mean(play.lost / play.hosts for play in guarded),
        contained=len(firsts),
        minutes_to_first_containment=statistics.median(firsts) if firsts else None,
        minutes_to_contain=statistics.median(lasts) if lasts else None,
        needless=statistics.mean(play.needless for play in guarded),
    )
