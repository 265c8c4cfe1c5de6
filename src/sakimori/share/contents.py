"""What a report is made of: typed parts, each of which may be absent."""

from sakimori.core import Nanos
from sakimori.records import Execution, Finding, Incident, Plan, Verdict, record


@record
class Reading:
    """What was read, and that nothing is missing: ``events == evaluated + rejected``."""

    sources: int
    evaluated: int
    rejected: int
    rules: int
    notes: tuple[str, ...] = ()
    """Rejected records, skipped files and rules that do not compile: one sentence each, the first few."""

    @property
    def events(self) -> int:
        return self.evaluated + self.rejected


@record
class EgressSample:
    """One text as it stands in the bank, and as it would leave or left it."""

    original: str
    tokenised: str
    spans: tuple[tuple[int, int, str], ...]
    """Replaced parts of ``original``: start, end (code points) and type."""
    tokens: tuple[tuple[int, int, str], ...]
    """Where the tokens stand in ``tokenised``."""
    requests: int
    """How many calls left; 0: nothing was sent, and this is what would leave."""
    model: str | None
    """The model that gave a usable answer, where one did."""


@record
class Undoing:
    """What undoing was seen to do, by asking the estate before, during and after."""

    execution_id: str
    route: str
    """The connection that was tried, e.g. ``ws-01 → fs-01``."""
    before: bool
    during: bool
    after: bool


@record
class DrillOutcome:
    """One attack on the same simulated bank, with and without the defence."""

    seed: int
    hosts: int
    lost_defended: int
    lost_undefended: int
    first_malicious: Nanos
    contained: Nanos | None
    """When the last automatic containment that mattered took effect; None: never."""
    minutes_to_first_containment: float | None
    """From the first malicious event, in simulated minutes."""
    minutes_to_contain: float | None
    """Likewise, to the last containment that hit the crew."""
    curve_defended: tuple[tuple[Nanos, int], ...]
    """Hosts lost over time: (time, total)."""
    curve_undefended: tuple[tuple[Nanos, int], ...]


@record
class LedgerState:
    ok: bool
    entries: int
    pending: int
    checkpoint: str
    problem: str | None


@record
class Case:
    """An incident with everything that hangs on it."""

    incident: Incident
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...] = ()
    """In order of time; the last one holds."""
    plans: tuple[Plan, ...] = ()
    executions: tuple[Execution, ...] = ()


@record
class Report:
    tenant: str
    title_en: str
    title_ja: str
    made_at: Nanos
    reading: Reading
    cases: tuple[Case, ...]
    other_findings: int
    """Findings too weak to make an incident."""
    egress: EgressSample | None = None
    undoing: Undoing | None = None
    outcome: DrillOutcome | None = None
    ledger: LedgerState | None = None
    language: str = "en"
    """The language it opens in."""
    offset_hours: int = 9
    """Zone of the times that people read, hours east of UTC."""
