"""Implants: the crew's programs on the bank's hosts, and whether they still answer."""

from dataclasses import dataclass, field
from enum import StrEnum

from cyberrange.bank import Account
from cyberrange.directory import Answer
from cyberrange.estate import Estate
from cyberrange.machine import Logon, Machine, Process
from cyberrange.network import SMB


class Failure(StrEnum):
    """What the crew is told when something does not work."""

    SILENCE = "silence"
    """The implant does not answer."""
    UNREACHABLE = "unreachable"
    """The implant answers; the target does not answer it."""
    DENIED = "denied"
    """Logged on, but without the rights."""
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a failure
    DISABLED = "disabled"
    REFUSED = "refused"
    """A person said no."""


_ANSWERS = {
    Answer.WRONG_PASSWORD: Failure.WRONG_PASSWORD,
    Answer.UNKNOWN: Failure.WRONG_PASSWORD,
    Answer.DISABLED: Failure.DISABLED,
}


def refusal(answer: Answer) -> Failure:
    return _ANSWERS[answer]


@dataclass(slots=True, eq=False)
class Implant:
    machine: Machine
    logon: Logon
    process: Process
    admin: bool
    """High or system integrity: may read LSASS."""
    system: bool = False
    """Runs as a service: outlives the account that brought it."""
    via: "Implant | None" = None
    """The implant that relays for it, where its own host has no way to the internet."""
    dead: bool = False

    @property
    def host(self) -> str:
        return self.machine.host.name


@dataclass(slots=True)
class Findings:
    """What commands run on a foothold told."""

    hosts: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    services: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Service accounts and the hosts in their service principal names."""
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Host to accounts that have sessions there."""
    failures: dict[str, Failure] = field(default_factory=dict[str, Failure])


def silent(estate: Estate, implant: Implant) -> Failure | None:
    """SILENCE where an implant cannot answer. Using a session whose account is disabled ends it for good."""
    if not implant.dead and not implant.system and not estate.usable(implant.logon):
        implant.dead = True
    if implant.dead or implant.machine.state == "encrypted":
        return Failure.SILENCE
    host = implant.machine.host
    if implant.via is None:
        return None if estate.network.internet(host) else Failure.SILENCE
    linked = estate.network.connects(implant.via.machine.host, host, SMB)
    return silent(estate, implant.via) if linked else Failure.SILENCE


def administers(account: Account, machine: Machine) -> bool:
    return machine.host.name in account.admin_on
