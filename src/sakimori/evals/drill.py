"""Drills: performances of a scenario on the cyber range, with and without the defence, judged by the umpire."""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sakimori.core import LOCAL_TENANT, ManualClock, Nanos, Settings
from sakimori.detect import SigmaDetector
from sakimori.evals.umpire import Truth, Umpire, cyber_range
from sakimori.investigate import Investigator, OfflineInvestigator
from sakimori.records import Command, Execution, Inventory, StepState, record
from sakimori.respond import ResponsePolicy, load_playbooks
from sakimori.respond.connectors.cyberrange import CyberRange
from sakimori.respond.connectors.settings import CyberrangeSettings
from sakimori.service.defence import LATENESS, Defence, Development, Means
from sakimori.service.installation import Installation, installation
from sakimori.service.rules import own_rules

ROUND_SECONDS = 30
"""How often the defence gets new telemetry, in simulated seconds: its reaction time is at least this coarse."""
_UNDEFENDED_STEP = 600
_MINUTE = 60 * 10**9
_TELEMETRY = ("sysmon.ndjson", "security.ndjson", "system.ndjson", "helpdesk.ndjson")


@record
class Containment:
    """One automatic response step that took effect."""

    time: Nanos
    command: Command
    target: str
    needed: bool
    """The crew had been on that host, or used that account, by then."""


@record
class Performance:
    """How one drill went, as the umpire saw it."""

    seed: int
    defended: bool
    hosts: int
    started: Nanos
    ended: Nanos
    truth: Truth
    containments: tuple[Containment, ...] = ()
    events: int = 0
    rejected: int = 0
    findings: int = 0
    incidents: int = 0

    @property
    def lost(self) -> int:
        return len(self.truth.lost)

    @property
    def minutes_to_first_containment(self) -> float | None:
        return self._minutes(min((item.time for item in self.containments if item.needed), default=None))

    @property
    def minutes_to_contain(self) -> float | None:
        """From the first malicious event to the last containment that hit the crew."""
        return self._minutes(max((item.time for item in self.containments if item.needed), default=None))

    @property
    def needless(self) -> int:
        """Containments that hit what the crew had not touched."""
        return sum(1 for item in self.containments if not item.needed)

    def _minutes(self, time: Nanos | None) -> float | None:
        first = self.truth.first_malicious
        return None if time is None or first is None else (time - first) / _MINUTE


@dataclass(frozen=True, slots=True)
class Scene:
    """A defended drill under way, as its audience may see it: nothing of the umpire's."""

    install: Installation
    defence: Defence
    connector: CyberRange
    inventory: Inventory
    rules: int
    clock: ManualClock


def undefended(folder: Path, *, seed: int, hosts: int) -> Performance:
    """Let the attack run its course."""
    with cyber_range(folder, seed=seed, hosts=hosts) as umpire:
        tick = umpire.advance(_UNDEFENDED_STEP)
        while not tick.done:
            tick = umpire.advance(_UNDEFENDED_STEP)
        return Performance(
            seed=seed,
            defended=False,
            hosts=umpire.truth().hosts,
            started=umpire.start,
            ended=tick.time,
            truth=umpire.truth(),
        )


async def defended(
    folder: Path,
    *,
    seed: int,
    hosts: int,
    rules: Sequence[Path] = (),
    cache_dir: Path | None = None,
    choose_model: Callable[[Installation, Inventory], Investigator | None] | None = None,
    on_start: Callable[[Scene], Awaitable[None]] | None = None,
    on_round: Callable[[Scene, Nanos, Development], Awaitable[None]] | None = None,
    afterwards: Callable[[Scene], Awaitable[None]] | None = None,
) -> Performance:
    """Let the same attack meet the defence.

    Args:
        rules: Sigma rules to detect with; by default those that ship with Sakimori.
        cache_dir: where compiled rules are kept between drills.
        choose_model: led by a model, to ask after the offline one; by default there is none.
        on_start: called when all is ready and nothing has happened yet.
        on_round: told what each round of telemetry led to.
        afterwards: called when the attack is over, while the estate is still there.
    """
    with cyber_range(folder, seed=seed, hosts=hosts) as umpire:
        clock = ManualClock(umpire.start)
        settings = Settings(home=folder / "home", tenant=LOCAL_TENANT, language="en")
        with installation(settings, clock) as install:
            connector = CyberRange(
                CyberrangeSettings(name="range", url=umpire.defence_url, token_file=umpire.defence_token)
            )
            inventory = await connector.inventory(tenant=install.tenant, now=clock.now())
            detector = SigmaDetector.load(rules or [own_rules()], cache_dir=cache_dir, lateness=LATENESS)
            model = choose_model(install, inventory) if choose_model else None
            means = Means(
                detector=detector,
                offline=OfflineInvestigator(clock),
                model=model,
                inventory=inventory,
                playbooks=load_playbooks(),
                connectors=(connector,),
                policy=ResponsePolicy(),
            )
            scene = Scene(
                install=install,
                defence=Defence(install, means, holder=secrets.token_hex(8)),
                connector=connector,
                inventory=inventory,
                rules=len(detector.rules),
                clock=clock,
            )
            if on_start:
                await on_start(scene)
            ended = await _play(scene, umpire, on_round)
            performance = _judge(scene, umpire, seed=seed, ended=ended)
            if afterwards:
                await afterwards(scene)
            return performance


async def _play(
    scene: Scene, umpire: Umpire, on_round: Callable[[Scene, Nanos, Development], Awaitable[None]] | None
) -> Nanos:
    telemetry = (umpire.telemetry / name for name in _TELEMETRY)
    followers = [scene.defence.follow(path) for path in telemetry]
    while True:
        tick = umpire.advance(ROUND_SECONDS)
        scene.clock.set(tick.time)
        read = chain.from_iterable(follower.poll() for follower in followers)
        development = await scene.defence.take_in(read)
        if on_round:
            await on_round(scene, tick.time, development)
        if tick.done:
            return tick.time


def _judge(scene: Scene, umpire: Umpire, *, seed: int, ended: Nanos) -> Performance:
    truth = umpire.truth()
    with scene.install.database.snapshot(scene.install.tenant) as snapshot:
        executions = list(snapshot.all(Execution))
    return Performance(
        seed=seed,
        defended=True,
        hosts=truth.hosts,
        started=umpire.start,
        ended=ended,
        truth=truth,
        containments=_containments(executions, truth),
        events=scene.defence.reading.read,
        rejected=scene.defence.reading.rejected,
        findings=len(scene.defence.findings),
        incidents=sum(1 for incident in scene.defence.incidents if incident.merged_into is None),
    )


def _containments(executions: Iterable[Execution], truth: Truth) -> tuple[Containment, ...]:
    done = [
        Containment(
            time=step.updated_at,
            command=step.action.command,
            target=step.action.target.value,
            needed=truth.touched(step.action.target.value, by=step.updated_at),
        )
        for execution in executions
        for step in execution.steps
        if step.state in (StepState.DONE, StepState.UNDONE)
    ]
    return tuple(sorted(done, key=lambda item: item.time))
