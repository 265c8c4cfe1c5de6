"""``sakimori demo``: the whole loop on a simulated bank, in the terminal and as one HTML report."""

import asyncio
import tempfile
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sakimori.cli.output import results
from sakimori.cli.view import severity_text, show_incident
from sakimori.cli.writing import write_whole
from sakimori.core import Nanos, Settings, rfc3339
from sakimori.evals.drill import Performance, Scene, defended, undefended
from sakimori.evals.outcome import Comparison, drill_outcome
from sakimori.investigate import Investigator, prompt
from sakimori.records import (
    Command,
    EntityType,
    Execution,
    Incident,
    Inventory,
    Plan,
    PlannedAction,
    Ruling,
    Severity,
    StepState,
    Verdict,
)
from sakimori.respond.policy import IN_FORCE
from sakimori.service import Development, Installation
from sakimori.service.egress import Departures, would_leave
from sakimori.service.model_access import granted_investigator, provider_is_configured
from sakimori.share import Case, DrillOutcome, EgressSample, LedgerState, Reading, Report, Undoing, render
from sakimori.share.words import word

_JAPAN = 9 * 3600 * 10**9
_EXCERPT_LINES = 26
_SHOWN_CLAIMS = 12
_REACH = {True: ("reachable", "到達可"), False: ("cut off", "遮断")}
_PLAN_HEADINGS = (
    ("action", "措置"),
    ("target", "対象"),
    ("ruling", "裁定"),
    ("blast radius", "影響範囲"),
    ("policy", "方針"),
)


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
    with tempfile.TemporaryDirectory(prefix="sakimori-demo-") as name, ExitStack() as stack:
        folder = Path(name)
        twin = stack.enter_context(ThreadPoolExecutor(1))
        alone = twin.submit(undefended, folder / "undefended", seed=seed, hosts=hosts)
        show = _Demo(settings.language, model if provider_is_configured() else None, stack)
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
    show.say(f"\nThe whole story as one page, in Japanese and English: {out}", f"\n全体の報告書（日本語・英語）：{out}")


@dataclass
class _Story:
    """What the audience has seen so far."""

    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    plans: list[Plan] = field(default_factory=list[Plan])
    executions: dict[str, Execution] = field(default_factory=dict[str, Execution])
    told: set[str] = field(default_factory=set[str])
    """Rule and host of findings that were told already."""


class _Demo:
    """Tells the drill as it happens. Knows what the defence knows, and at the end what the umpire says."""

    def __init__(self, language: str, model: str | None, stack: ExitStack) -> None:
        self._console = results()
        self._language = language
        self._model = model
        self._stack = stack
        self._story = _Story()
        self._departures = Departures()
        self._server = ""
        self._reached: dict[str, bool] = {}
        """Host to whether it reached the file server before anything happened."""
        self._undoing: Undoing | None = None
        self._egress: EgressSample | None = None
        self._cases: list[Case] = []
        self._other = 0

    def say(self, english: str, japanese: str, style: str = "") -> None:
        self._console.print(Text(japanese if self._language == "ja" else english, style=style))

    def choose_model(self, install: Installation, inventory: Inventory) -> Investigator | None:
        if self._model is None:
            return None
        access = granted_investigator(install, inventory, model=self._model, departures=self._departures)
        return self._stack.enter_context(access)

    def open(self, *, seed: int, hosts: int) -> None:
        self._title("1  A simulated bank goes about its day", "1  模擬銀行の一日が始まる")
        self.say(
            f"{hosts} hosts, their staff, a directory and a helpdesk (seed {seed}). Somewhere in that day a ransomware "
            "crew calls the helpdesk. The defence sees telemetry only.",
            f"ホスト {hosts} 台、職員、ディレクトリ、ヘルプデスク（シード {seed}）。その日のどこかでランサムウェア"
            "攻撃者がヘルプデスクに電話する。防御側はテレメトリしか見ない。",
        )
        if self._model:
            self.say(
                f"Investigator: the model {self._model}, through the gateway, under a grant; offline where it fails.",
                f"調査：モデル {self._model}（許可に基づきゲートウェイ経由、失敗時はオフライン）",
            )
        else:
            self.say("Investigator: offline. No model is used.", "調査：オフライン。モデルは使用しない。")
        self._title("2  Telemetry → events → findings → an incident", "2  テレメトリ → イベント → 検知 → インシデント")

    async def on_start(self, scene: Scene) -> None:
        """Try, while nothing has happened yet, which hosts reach the file server."""
        self._server = next(host.name for host in scene.inventory.hosts if host.role == "file-server")
        self._reached = {
            host.name: await scene.connector.reachable(host.name, self._server)
            for host in scene.inventory.hosts
            if host.name != self._server
        }

    async def on_round(self, scene: Scene, time: Nanos, development: Development) -> None:
        self._tell_findings(scene, development)
        for sentence in development.failures:
            self.say(f"  {sentence}", f"  {sentence}", "yellow")
        self._story.verdicts.extend(development.verdicts)
        self._story.plans.extend(_without_repeats(planned) for planned in development.plans)
        for execution in development.executions:
            self._story.executions[execution.id] = execution
            await self._tell_execution(scene, time, execution)

    def _tell_findings(self, scene: Scene, development: Development) -> None:
        """The first time a rule of medium severity or more fires on a host."""
        for finding in sorted(development.findings, key=lambda finding: finding.first_time):
            host = next((entity.value for entity in finding.entities if entity.type is EntityType.HOST), "")
            key = f"{finding.rule_id}\0{host}"
            if finding.severity < Severity.MEDIUM or key in self._story.told:
                continue
            self._story.told.add(key)
            stamp = Text(f"  {_clock(finding.first_time)}", style="dim")
            title = (finding.title_ja or finding.title) if self._language == "ja" else finding.title
            self._console.print(stamp, severity_text(finding.severity), Text(title), Text(host, style="dim"))

    async def _tell_execution(self, scene: Scene, time: Nanos, execution: Execution) -> None:
        for step in execution.steps:
            if step.state is not StepState.DONE:
                continue
            command, target = step.action.command, step.action.target.value
            line = f"  {_clock(time)} ▶ {word(command)[0]}: {target} ({', '.join(step.decision.policies)})"
            line_ja = f"  {_clock(time)} ▶ {word(command)[1]}：{target}（{', '.join(step.decision.policies)}）"
            self.say(line, line_ja, "bold green")
            if command is Command.ISOLATE_HOST and self._undoing is None and self._reached.get(target):
                during = await scene.connector.reachable(target, self._server)
                route = f"{target} → {self._server}"
                self._undoing = Undoing(execution_id=execution.id, route=route, before=True, during=during, after=False)

    async def afterwards(self, scene: Scene) -> None:
        """The attack is over: tell what it came to, take a response back, and check the ledger."""
        incidents = [item for item in scene.defence.incidents if item.merged_into is None and self._serious(item)]
        for incident in incidents:
            findings = [finding for finding in scene.defence.findings if finding.id in set(incident.finding_ids)]
            show_incident(self._console, incident, findings, rules=15)
        self._tell_verdicts(incidents)
        self._tell_egress(scene, incidents)
        self._tell_plans()
        await self._take_back(scene)
        self._cases = [self._case(scene, incident) for incident in incidents]
        self._other = len(scene.defence.findings) - sum(len(case.findings) for case in self._cases)
        self._reading = scene.defence.reading
        self._rules = scene.rules
        self._ledger = self._check_ledger(scene.install)

    def close(self, guarded: Performance, alone: Future[Performance]) -> Report:
        """The outcome, once the undefended twin is through too."""
        outcome = drill_outcome(Comparison(undefended=alone.result(), defended=guarded))
        self._title("5  The outcome, and the ledger", "5  結果と台帳")
        self._tell_outcome(outcome, guarded)
        reading = self._reading
        return Report(
            tenant="local",
            title_en="A simulated bank, attacked and defended",
            title_ja="模擬銀行への攻撃と防御",
            made_at=guarded.ended,
            reading=Reading(
                sources=len(reading.sources),
                evaluated=reading.evaluated,
                rejected=reading.rejected,
                rules=self._rules,
                notes=tuple(reading.notes[:50]),
            ),
            cases=tuple(self._cases),
            other_findings=self._other,
            egress=self._egress,
            undoing=self._undoing,
            outcome=outcome,
            ledger=self._ledger,
            language=self._language,
        )

    def _serious(self, incident: Incident) -> bool:
        return incident.severity >= Severity.HIGH or bool(self._verdicts(incident))

    def _verdicts(self, incident: Incident) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self._story.verdicts if verdict.incident_id == incident.id)

    def _tell_verdicts(self, incidents: list[Incident]) -> None:
        self._title("3  The investigation", "3  調査")
        for incident in incidents:
            if not (verdicts := self._verdicts(incident)):
                continue
            verdict = verdicts[-1]
            if verdict.model:
                by = verdict.model
                self.say(
                    f"By the model {by}; software checked every citation, (M) marks the model's own wording.",
                    f"モデル {by} による。引用はすべてソフトウェアが検証。(M) はモデルの表現。",
                )
            else:
                self.say("By the offline investigator: no model was used.", "オフライン調査：モデルは使用していない。")
            disposition, route = word(verdict.disposition), word(verdict.route)
            self.say(f"{disposition[0]} → {route[0]}", f"{disposition[1]} → {route[1]}", "bold")
            self.say(verdict.summary, verdict.summary_ja)
            claims = sorted(verdict.claims, key=lambda claim: not claim.worded_by_model)
            for claim in claims[:_SHOWN_CLAIMS]:
                mark = "✔ (M)" if claim.worded_by_model else "✔"
                self.say(f"  {mark} {claim.statement}", f"  {mark} {claim.statement_ja}")
                first = claim.citations[0]
                self._console.print(Text(f"      {first.event_id}  {first.field}", style="dim"))
            if len(verdict.claims) > _SHOWN_CLAIMS:
                more = len(verdict.claims) - _SHOWN_CLAIMS
                self.say(f"  … and {more} more, all with citations", f"  … ほか {more} 件（すべて引用付き）", "dim")
            for dropped in verdict.dropped:
                self.say(
                    f"  ✘ dropped: {dropped.claim.statement} ({dropped.reason})",
                    f"  ✘ 除外：{dropped.claim.statement_ja}（{dropped.reason_ja}）",
                    "dim",
                )

    def _tell_egress(self, scene: Scene, incidents: list[Incident]) -> None:
        """What left, or would leave for the main incident: the original beside what the provider gets."""
        answered = next((verdict.model for verdict in reversed(self._story.verdicts) if verdict.model), None)
        if calls := self._departures.count:
            self._egress = self._departures.sample(model=answered)
            if answered:
                self.say(
                    f"\nWhat left the bank: {calls} calls, the longest:", f"\n銀行から出たもの：{calls} 件、最長："
                )
            else:
                self.say(
                    f"\nWhat left the bank: {calls} calls, to which no usable answer came back. The longest:",
                    f"\n銀行から出たもの：{calls} 件。有効な回答なし。最長：",
                )
        elif incidents:
            text = prompt(scene.defence.case_of(incidents[0]))
            self._egress = would_leave(scene.install, scene.inventory, text)
            self.say(
                "\nWhat would leave the bank, had a model been asked (nothing was sent):",
                "\nモデルに尋ねた場合に銀行から出るもの（送信はしていない）：",
            )
        else:
            return
        first = _telling_line(self._egress.original, self._egress.spans)
        original = _excerpt(self._egress.original, self._egress.spans, first, "red")
        tokenised = _excerpt(self._egress.tokenised, self._egress.tokens, first, "green")
        names = ("銀行内", "提供者側") if self._language == "ja" else ("in the bank", "at the provider")
        table = Table.grid(expand=True, padding=(0, 1))
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        table.add_row(Panel(original, title=names[0]), Panel(tokenised, title=names[1]))
        self._console.print(table)
        replaced = ", ".join(f"{count} {kind}" for kind, count in Counter(s[2] for s in self._egress.spans).items())
        self.say(f"Replaced in the whole message: {replaced}.", f"全文での置換：{replaced}")

    def _tell_plans(self) -> None:
        self._title("4  Containment: plan, policy, effect, undo", "4  封じ込め：計画・方針・効果・取消")
        table = Table(box=None, padding=(0, 1))
        for english, japanese in _PLAN_HEADINGS:
            table.add_column(japanese if self._language == "ja" else english)
        told: set[str] = set()
        for item in (item for planned in self._story.plans for item in planned.actions):
            key = f"{item.action.command}{item.action.target}{item.decision.ruling}"
            if key not in told:
                told.add(key)
                table.add_row(*self._plan_row(item))
        self._console.print(table)

    def _plan_row(self, item: PlannedAction) -> tuple[Text, ...]:
        ja = self._language == "ja"
        radius = item.blast_radius
        people = f"{radius.people} 人" if ja else f"{radius.people} people"
        style = {Ruling.ALLOW: "green", Ruling.NEEDS_APPROVAL: "yellow", Ruling.DENY: "red"}[item.decision.ruling]
        return (
            Text(word(item.action.command)[ja]),
            Text(item.action.target.value),
            Text(word(item.decision.ruling)[ja], style=style),
            Text(", ".join([people, *radius.services])),
            Text(", ".join(item.decision.policies), style="dim"),
        )

    async def _take_back(self, scene: Scene) -> None:
        undoing = self._undoing
        if undoing is None:
            self.say("No host was isolated, so there is nothing to take back.", "隔離がないため取消もない。")
            return
        execution = await scene.defence.undo(undoing.execution_id, actor="person:demo")
        self._story.executions[execution.id] = execution
        source, _, target = undoing.route.partition(" → ")
        after = await scene.connector.reachable(source, target)
        self._undoing = replace(undoing, after=after)
        states = [_REACH[state][self._language == "ja"] for state in (undoing.before, undoing.during, after)]
        self.say(
            f"{undoing.route}: {states[0]} before, {states[1]} while isolated, {states[2]} after the undo "
            "(each really tried in the estate).",
            f"{undoing.route}：対応前 {states[0]}、隔離中 {states[1]}、取消後 {states[2]}（いずれも実際に試行）",
            "bold",
        )

    def _case(self, scene: Scene, incident: Incident) -> Case:
        wanted = set(incident.finding_ids)
        return Case(
            incident=incident,
            findings=tuple(finding for finding in scene.defence.findings if finding.id in wanted),
            verdicts=self._verdicts(incident),
            plans=tuple(planned for planned in self._story.plans if planned.incident_id == incident.id),
            executions=tuple(
                _without_repeated_steps(run)
                for run in self._story.executions.values()
                if run.incident_id == incident.id
            ),
        )

    def _check_ledger(self, install: Installation) -> LedgerState:
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

    def _tell_outcome(self, outcome: DrillOutcome, guarded: Performance) -> None:
        lost = (outcome.lost_undefended, outcome.lost_defended, outcome.hosts)
        first = guarded.minutes_to_first_containment
        when = "never" if first is None else f"{first:.0f} simulated minutes after the first malicious event"
        when_ja = "なし" if first is None else f"最初の悪性イベントから模擬時間 {first:.0f} 分"
        self.say(
            f"Hosts lost: {lost[0]} of {lost[2]} without the defence, {lost[1]} with it. First containment: {when}; "
            f"{guarded.needless} of {len(guarded.containments)} containments hit what the crew had not touched.",
            f"失ったホスト：防御なし {lost[0]} / {lost[2]}、防御あり {lost[1]} / {lost[2]}。最初の封じ込め：{when_ja}。"
            f"封じ込め {len(guarded.containments)} 件のうち不要 {guarded.needless} 件。",
            "bold",
        )
        ledger = self._ledger
        if ledger.ok:
            self.say(
                f"Ledger verified: {ledger.entries} entries, {ledger.pending} pending, nothing altered.",
                f"台帳検証済み：記録 {ledger.entries} 件、未確定 {ledger.pending} 件、改変なし。",
                "bold green",
            )
        else:
            self.say(f"Ledger BROKEN: {ledger.problem}", f"台帳に破損：{ledger.problem}", "bold red")

    def _title(self, english: str, japanese: str) -> None:
        self._console.print()
        self._console.rule(Text(japanese if self._language == "ja" else english, style="bold"), align="left")


def _without_repeats(planned: Plan) -> Plan:
    """The plan without what was asked for again while it was in force."""
    new = tuple(item for item in planned.actions if item.decision.policies != (IN_FORCE.name,))
    return replace(planned, actions=new)


def _without_repeated_steps(execution: Execution) -> Execution:
    return replace(
        execution, steps=tuple(step for step in execution.steps if step.decision.policies != (IN_FORCE.name,))
    )


def _clock(time: Nanos) -> str:
    """Time of day in Japan."""
    return rfc3339(time + _JAPAN)[11:19]


def _excerpt(text: str, spans: tuple[tuple[int, int, str], ...], first: int, style: str) -> Text:
    """Some lines of a marked text from line ``first`` on."""
    shown = Text(text)
    for start, end, _ in spans:
        shown.stylize(style, start, end)
    lines = shown.split("\n")
    return Text("\n").join(lines[first : first + _EXCERPT_LINES])


def _telling_line(text: str, spans: tuple[tuple[int, int, str], ...]) -> int:
    """The first line of the excerpt in which most is replaced."""
    marked = Counter(text.count("\n", 0, start) for start, _, _ in spans)
    last = max(text.count("\n") + 1 - _EXCERPT_LINES, 0)
    return max(range(last + 1), key=lambda line: sum(marked[line + ahead] for ahead in range(_EXCERPT_LINES)))
