"""``sakimori demo``: the whole loop on a simulated bank, in the terminal and as one HTML report."""

import asyncio
import multiprocessing
import signal
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.pool import AsyncResult
from pathlib import Path

import click

from sakimori.cli.narrator import Narrator
from sakimori.cli.output import results
from sakimori.cli.writing import write_whole
from sakimori.core import Nanos, Settings
from sakimori.evals.drill import Performance, Scene, defended, undefended
from sakimori.evals.outcome import Comparison, drill_outcome
from sakimori.investigate import Investigator, prompt
from sakimori.records import Command, Execution, Incident, Inventory, Plan, Severity, StepState, Verdict
from sakimori.respond.policy import IN_FORCE
from sakimori.service import Development, Installation
from sakimori.service.egress import Departures, would_leave
from sakimori.service.model_access import granted_investigator, provider_is_configured
from sakimori.share import Case, EgressSample, LedgerState, Reading, Report, Undoing, render


@click.command()
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Which bank and which attack.")
@click.option("--hosts", type=click.IntRange(20, 500), default=50, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default="out/demo.html", show_default=True)
@click.option(
    "--model",
    envvar="SAKIMORI_MODEL",
    default="gpt-6.2-sol",
    show_default=True,
    help="Asked, through the gateway, where OPENAI_API_KEY or OPENAI_BASE_URL is set.",
)
def demo(seed: int, hosts: int, out: Path, model: str) -> None:
    """Attack and defend a simulated bank: the whole loop in the terminal and as one HTML report."""
    settings = Settings.from_environment()
    narrator = Narrator(results(), settings.language)
    with tempfile.TemporaryDirectory(prefix="sakimori-demo-") as name, ExitStack() as stack:
        folder = Path(name)
        # A process of its own, which ends with the ``with`` block: Ctrl-C need not wait for the twin.
        twin = stack.enter_context(
            multiprocessing.get_context("spawn").Pool(1, signal.signal, (signal.SIGINT, signal.SIG_IGN))
        )
        alone = twin.apply_async(undefended, (folder / "undefended",), {"seed": seed, "hosts": hosts})
        show = _Demo(narrator, settings.language, model if provider_is_configured() else None, stack)
        show.open(seed=seed, hosts=hosts)
        guarded = asyncio.run(
            defended(
                folder / "defended",
                seed=seed,
                hosts=hosts,
                choose_model=show.choose_model,
                on_start=show.on_start,
                on_round=show.on_round,
                afterwards=show.afterwards,
            )
        )
        report = show.close(guarded, alone)
    write_whole(out, render(report).encode())
    narrator.say(f"The whole story as one page, in Japanese and English: {out}", f"全体の報告書（日本語・英語）：{out}")


class _Demo:
    """Follows the drill as it happens. Knows what the defence knows, and at the end what the umpire says."""

    def __init__(self, narrator: Narrator, language: str, model: str | None, stack: ExitStack) -> None:
        self._tell = narrator
        self._language = language
        self._model = model
        self._stack = stack
        self._departures = Departures()
        self._verdicts: list[Verdict] = []
        self._plans: list[Plan] = []
        self._executions: dict[str, Execution] = {}
        self._server = ""
        self._reached: dict[str, bool] = {}
        """Host to whether it reached the file server before anything happened."""
        self._undoing: Undoing | None = None
        self._report: Report | None = None

    def open(self, *, seed: int, hosts: int) -> None:
        self._tell.title("1  A simulated bank goes about its day", "1  模擬銀行の一日が始まる")
        self._tell.say(
            f"{hosts} hosts, their staff, a directory and a helpdesk (seed {seed}). Somewhere in that day a ransomware "
            "crew calls the helpdesk. The defence sees telemetry only. Times are Japan's.",
            f"ホスト {hosts} 台、職員、ディレクトリ、ヘルプデスク（シード {seed}）。その日のどこかでランサムウェア"
            "攻撃者がヘルプデスクに電話する。防御側はテレメトリしか見ない。時刻は日本時間。",
        )
        if self._model:
            self._tell.say(
                f"Investigator: offline first; then the model {self._model}, through the gateway, under a grant.",
                f"調査：まずオフライン、次にモデル {self._model}（許可に基づきゲートウェイ経由）。",
            )
        else:
            self._tell.say("Investigator: offline. No model is used.", "調査：オフライン。モデルは使用しない。")
        self._tell.title(
            "2  Telemetry → events → findings → an incident", "2  テレメトリ → イベント → 検知 → インシデント"
        )

    def choose_model(self, install: Installation, inventory: Inventory) -> Investigator | None:
        if self._model is None:
            return None
        access = granted_investigator(install, inventory, model=self._model, departures=self._departures)
        return self._stack.enter_context(access)

    async def on_start(self, scene: Scene) -> None:
        """Try, while nothing has happened yet, which hosts reach the file server."""
        self._server = next(host.name for host in scene.inventory.hosts if host.role == "file-server")
        self._reached = {
            host.name: await scene.connector.reachable(host.name, self._server)
            for host in scene.inventory.hosts
            if host.name != self._server
        }

    async def on_round(self, scene: Scene, time: Nanos, development: Development) -> None:
        self._tell.findings(item for item in development.findings if item.severity >= Severity.MEDIUM)
        for sentence in development.failures:
            self._tell.say(
                f"  The model had nothing to add: {sentence}", f"  モデルからの追加なし：{sentence}", "yellow"
            )
        self._verdicts.extend(development.verdicts)
        self._plans.extend(_without_repeats(planned) for planned in development.plans)
        for execution in development.executions:
            self._executions[execution.id] = execution
            for step in execution.steps:
                if step.state is StepState.DONE:
                    self._tell.step(time, step)
            await self._try_isolation(scene, execution)

    async def _try_isolation(self, scene: Scene, execution: Execution) -> None:
        """Try the first isolated host's way to the file server while it is cut off."""
        for step in execution.steps:
            host = step.action.target.value
            isolated = step.state is StepState.DONE and step.action.command is Command.ISOLATE_HOST
            if self._undoing is None and isolated and self._reached.get(host):
                self._undoing = Undoing(
                    execution_id=execution.id,
                    route=f"{host} → {self._server}",
                    before=True,
                    during=await scene.connector.reachable(host, self._server),
                    after=False,
                )

    async def afterwards(self, scene: Scene) -> None:
        """The attack is over: tell what it came to, take a response back, and check the ledger."""
        incidents = [item for item in scene.defence.incidents if item.merged_into is None and self._serious(item)]
        for incident in incidents:
            self._tell.incident(incident, scene.defence.case_of(incident).findings)
        self._tell.title("3  The investigation", "3  調査")
        for verdicts in map(self._verdicts_of, incidents):
            if verdicts:
                self._tell.verdict(verdicts[-1])
        egress = self._egress(scene, incidents)
        if egress:
            self._tell.egress(egress)
        self._tell.title("4  Containment: plan, policy, effect, undo", "4  封じ込め：計画・方針・効果・取消")
        self._tell.plans(item for planned in self._plans for item in planned.actions)
        await self._take_back(scene)
        cases = tuple(self._case(scene, incident) for incident in incidents)
        self._report = self._draft(scene, cases, egress)

    def close(self, guarded: Performance, alone: "AsyncResult[Performance]") -> Report:
        """The outcome, once the undefended twin is through too."""
        assert self._report is not None
        assert self._report.ledger is not None
        outcome = drill_outcome(Comparison(undefended=alone.get(), defended=guarded))
        self._tell.title("5  The outcome, and the ledger", "5  結果と台帳")
        self._tell.outcome(outcome, needless=guarded.needless, containments=len(guarded.containments))
        self._tell.ledger(self._report.ledger)
        return replace(self._report, outcome=outcome)

    def _serious(self, incident: Incident) -> bool:
        return incident.severity >= Severity.HIGH or bool(self._verdicts_of(incident))

    def _verdicts_of(self, incident: Incident) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self._verdicts if verdict.incident_id == incident.id)

    def _egress(self, scene: Scene, incidents: list[Incident]) -> EgressSample | None:
        """What left; where nothing did, what would leave for the main incident."""
        if self._departures.count:
            answered = next((verdict.model for verdict in reversed(self._verdicts) if verdict.model), None)
            return self._departures.sample(model=answered)
        if not incidents:
            return None
        return would_leave(scene.install, scene.inventory, prompt(scene.defence.case_of(incidents[0])))

    async def _take_back(self, scene: Scene) -> None:
        undoing = self._undoing
        if undoing is None:
            self._tell.say("No host was isolated, so there is nothing to take back.", "隔離がないため取消もない。")
            return
        execution = await scene.defence.undo(undoing.execution_id, actor="person:demo")
        self._executions[execution.id] = execution
        source, _, target = undoing.route.partition(" → ")
        self._undoing = replace(undoing, after=await scene.connector.reachable(source, target))
        self._tell.undoing(self._undoing)

    def _case(self, scene: Scene, incident: Incident) -> Case:
        runs = (run for run in self._executions.values() if run.incident_id == incident.id)
        return Case(
            incident=incident,
            findings=scene.defence.case_of(incident).findings,
            verdicts=self._verdicts_of(incident),
            plans=tuple(planned for planned in self._plans if planned.incident_id == incident.id),
            executions=tuple(_without_repeated_steps(run) for run in runs),
        )

    def _draft(self, scene: Scene, cases: tuple[Case, ...], egress: EgressSample | None) -> Report:
        """The report, but for the outcome."""
        reading = scene.defence.reading
        return Report(
            tenant=scene.install.tenant,
            title_en="A simulated bank, attacked and defended",
            title_ja="模擬銀行への攻撃と防御",
            made_at=scene.clock.now(),
            reading=Reading(
                sources=reading.source_count,
                evaluated=reading.evaluated,
                rejected=reading.rejected,
                rules=scene.rules,
                notes=tuple(reading.notes[:50]),
            ),
            cases=cases,
            other_findings=len(scene.defence.findings) - sum(len(case.findings) for case in cases),
            egress=egress,
            undoing=self._undoing,
            ledger=_checked_ledger(scene.install),
            language=self._language,
        )


def _checked_ledger(install: Installation) -> LedgerState:
    with install.database.transaction(install.tenant) as transaction:
        install.ledger.seal(transaction)
    with install.database.snapshot(install.tenant) as snapshot:
        verified = install.ledger.verify(snapshot)
    return LedgerState(
        ok=verified.ok,
        entries=verified.checkpoint.size if verified.checkpoint else 0,
        pending=verified.pending,
        checkpoint=verified.checkpoint.note if verified.checkpoint else "",
        problem=verified.problem,
    )


def _without_repeats(planned: Plan) -> Plan:
    """The plan without what was asked for again while it was in force."""
    new = tuple(item for item in planned.actions if item.decision.policies != (IN_FORCE.name,))
    return replace(planned, actions=new)


def _without_repeated_steps(execution: Execution) -> Execution:
    return replace(
        execution, steps=tuple(step for step in execution.steps if step.decision.policies != (IN_FORCE.name,))
    )
