"""Telling a drill in a terminal, in Japanese or English: what is printed, and nothing of what is decided."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sakimori.cli.view import severity_text, show_incident
from sakimori.core import Nanos, plain, rfc3339
from sakimori.records import EntityType, Finding, Incident, PlannedAction, Ruling, Step, Verdict
from sakimori.share import DrillOutcome, EgressSample, LedgerState, Undoing
from sakimori.share.words import word

_JAPAN = 9 * 3600 * 10**9
_EXCERPT_LINES = 26
_SHOWN_CLAIMS = 12
_SHOWN_RULES = 15
_REACH = {True: ("reachable", "到達可"), False: ("cut off", "遮断")}
_PLAN_HEADINGS = (
    ("action", "措置"),
    ("target", "対象"),
    ("ruling", "裁定"),
    ("blast radius", "影響範囲"),
    ("policy", "方針"),
)
_RULING_STYLES = {Ruling.ALLOW: "green", Ruling.NEEDS_APPROVAL: "yellow", Ruling.DENY: "red"}


class Narrator:
    """Times are those of Japan. Whatever came from outside is printed without its control characters."""

    def __init__(self, console: Console, language: str) -> None:
        """``language``: ``ja`` or ``en``."""
        self._console = console
        self._language = language
        self._told: set[tuple[str, str]] = set()
        """Rule and host of findings that were told already."""

    def say(self, english: str, japanese: str, style: str = "") -> None:
        self._console.print(Text(plain(self._of((english, japanese))), style=style))

    def title(self, english: str, japanese: str) -> None:
        self._console.print()
        self._console.rule(Text(self._of((english, japanese)), style="bold"), align="left")

    def findings(self, findings: Iterable[Finding]) -> None:
        """Each rule once a host, in order of time."""
        for finding in sorted(findings, key=lambda finding: finding.first_time):
            host = next((entity.value for entity in finding.entities if entity.type is EntityType.HOST), "")
            if (finding.rule_id, host) in self._told:
                continue
            self._told.add((finding.rule_id, host))
            title = self._of((finding.title, finding.title_ja or finding.title))
            stamp = Text(f"  {_clock(finding.first_time)}", style="dim")
            mark = severity_text(finding.severity, self._language)
            self._console.print(stamp, mark, Text(plain(title)), Text(plain(host), style="dim"))

    def step(self, time: Nanos, step: Step) -> None:
        """A response step that was just carried out."""
        command, target = word(step.action.command), step.action.target.value
        policies = ", ".join(step.decision.policies)
        self.say(
            f"  {_clock(time)} ▶ {command[0]}: {target} ({policies})",
            f"  {_clock(time)} ▶ {command[1]}：{target}（{policies}）",
            "bold green",
        )

    def incident(self, incident: Incident, findings: Sequence[Finding]) -> None:
        show_incident(self._console, incident, findings, rules=_SHOWN_RULES, language=self._language)

    def verdict(self, verdict: Verdict) -> None:
        if verdict.model:
            self.say(
                f"By the model {verdict.model}; software checked every citation, (M) marks the model's own wording.",
                f"モデル {verdict.model} による。引用はすべてソフトウェアが検証。(M) はモデルの表現。",
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
            cited = f"      {claim.citations[0].event_id}  {claim.citations[0].field}"
            self.say(cited, cited, "dim")
        if more := len(claims[_SHOWN_CLAIMS:]):
            self.say(f"  … and {more} more, all with citations", f"  … ほか {more} 件（すべて引用付き）", "dim")
        for dropped in verdict.dropped:
            self.say(
                f"  ✘ dropped: {dropped.claim.statement} ({dropped.reason})",
                f"  ✘ 除外：{dropped.claim.statement_ja}（{dropped.reason_ja}）",
                "dim",
            )

    def egress(self, sample: EgressSample) -> None:
        """The original beside what a provider gets or would get, where most of it is replaced."""
        self._console.print()
        if not sample.requests:
            self.say(
                "What would leave the bank, had a model been asked (nothing was sent):",
                "モデルに尋ねた場合に銀行から出るもの（送信はしていない）：",
            )
        elif sample.model:
            calls = sample.requests
            self.say(f"What left the bank: {calls} calls, the longest:", f"銀行から出たもの：{calls} 件、最長：")
        else:
            self.say(
                f"What left the bank: {sample.requests} calls, to which no usable answer came back. The longest:",
                f"銀行から出たもの：{sample.requests} 件。有効な回答なし。最長：",
            )
        first = _telling_line(sample.original, sample.spans)
        table = Table.grid(expand=True, padding=(0, 1))
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        table.add_row(
            Panel(_excerpt(sample.original, sample.spans, first, "red"), title=self._of(("in the bank", "銀行内"))),
            Panel(
                _excerpt(sample.tokenised, sample.tokens, first, "green"),
                title=self._of(("at the provider", "提供者側")),
            ),
        )
        self._console.print(table)
        counts = Counter(kind for _, _, kind in sample.spans)
        replaced = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        self.say(f"Replaced in the whole message: {replaced}.", f"全文での置換：{replaced}")

    def plans(self, actions: Iterable[PlannedAction]) -> None:
        table = Table(*(self._of(heading) for heading in _PLAN_HEADINGS), box=None, padding=(0, 1))
        told: set[tuple[str, str, str]] = set()
        for item in actions:
            key = (item.action.command, str(item.action.target), item.decision.ruling)
            if key in told:
                continue
            told.add(key)
            people = item.blast_radius.people
            hit = self._of((f"{people} {'person' if people == 1 else 'people'}", f"{people} 人"))
            table.add_row(
                self._of(word(item.action.command)),
                Text(plain(item.action.target.value)),
                Text(self._of(word(item.decision.ruling)), style=_RULING_STYLES[item.decision.ruling]),
                Text(plain(", ".join([hit, *item.blast_radius.services]))),
                Text(", ".join(item.decision.policies), style="dim"),
            )
        self._console.print(table)

    def undoing(self, undoing: Undoing) -> None:
        before, during, after = (self._of(_REACH[state]) for state in (undoing.before, undoing.during, undoing.after))
        self.say(
            f"{undoing.route}: {before} before, {during} while isolated, {after} after the undo "
            "(each really tried in the estate).",
            f"{undoing.route}：対応前 {before}、隔離中 {during}、取消後 {after}（いずれも実際に試行）",
            "bold",
        )

    def outcome(self, outcome: DrillOutcome, *, needless: int, containments: int) -> None:
        first = outcome.minutes_to_first_containment
        when = "never" if first is None else f"{first:.0f} simulated minutes after the first malicious event"
        when_ja = "なし" if first is None else f"最初の悪性イベントから模擬時間 {first:.0f} 分"
        hosts, alone, guarded = outcome.hosts, outcome.lost_undefended, outcome.lost_defended
        self.say(
            f"Hosts lost: {alone} of {hosts} without the defence, {guarded} with it. First containment: {when}; "
            f"{needless} of {containments} containments hit what the crew had not touched.",
            f"失ったホスト：防御なし {alone} / {hosts}、防御あり {guarded} / {hosts}。最初の封じ込め：{when_ja}。"
            f"封じ込め {containments} 件のうち不要 {needless} 件。",
            "bold",
        )

    def ledger(self, ledger: LedgerState) -> None:
        if ledger.ok:
            self.say(
                f"Ledger verified: {ledger.entries} entries, {ledger.pending} pending, nothing altered.",
                f"台帳検証済み：記録 {ledger.entries} 件、未確定 {ledger.pending} 件、改変なし。",
                "bold green",
            )
        else:
            self.say(f"Ledger BROKEN: {ledger.problem}", f"台帳に破損：{ledger.problem}", "bold red")

    def _of(self, both: tuple[str, str]) -> str:
        """The one of (English, Japanese) that is spoken here."""
        return both[self._language == "ja"]


def _clock(time: Nanos) -> str:
    """Time of day in Japan."""
    return rfc3339(time + _JAPAN)[11:19]


def _excerpt(text: str, spans: tuple[tuple[int, int, str], ...], first: int, style: str) -> Text:
    """Some lines of a marked text from line ``first`` on."""
    shown = Text(text)
    for start, end, _ in spans:
        shown.stylize(style, start, end)
    return Text("\n").join(shown.split("\n")[first : first + _EXCERPT_LINES])


def _telling_line(text: str, spans: tuple[tuple[int, int, str], ...]) -> int:
    """The first line of the excerpt in which most is replaced."""
    marked = Counter(text.count("\n", 0, start) for start, _, _ in spans)
    last = max(text.count("\n") + 1 - _EXCERPT_LINES, 0)
    return max(range(last + 1), key=lambda line: sum(marked[line + ahead] for ahead in range(_EXCERPT_LINES)))
