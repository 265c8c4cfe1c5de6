"""What really happened, for the umpire's eyes only."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CrewStep:
    at: int
    host: str
    """Where it happened: FQDN, or empty for a telephone call."""
    technique: str
    """ATT&CK technique id."""
    tactic: str
    """ATT&CK tactic short name."""
    what: str
    """One phrase, English."""
    ok: bool
    """Whether it did what the crew wanted."""
    account: str = ""


@dataclass(slots=True)
class Truth:
    steps: list[CrewStep] = field(default_factory=list[CrewStep])
    decisions: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """When the crew changed its mind, and why."""
    outcome: str = "running"
    """``running``, ``finished`` (encrypted all it could), ``gave_up``, ``day_ended``."""

    def note(
        self, at: int, host: str, technique: str, tactic: str, what: str, *, ok: bool = True, account: str = ""
    ) -> None:
        self.steps.append(CrewStep(at, host, technique, tactic, what, ok, account))

    @property
    def first_malicious(self) -> int | None:
        return self.steps[0].at if self.steps else None
