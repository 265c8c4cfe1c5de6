"""The closed loop: one bank, one day, one crew; the defence acts in between."""

import random
from pathlib import Path

from cyberrange import background
from cyberrange.attack import Crew, Truth
from cyberrange.attack.crew import Hands
from cyberrange.attack.entry import Entry
from cyberrange.attack.foothold import Foothold
from cyberrange.attack.impact import Impact
from cyberrange.attack.lateral import Lateral
from cyberrange.attack.tradecraft import Tradecraft
from cyberrange.bank import build
from cyberrange.clock import MINUTE, SECOND, banking_day, rfc3339
from cyberrange.estate import Estate
from cyberrange.helpdesk import Helpdesk


class NotFoundError(LookupError):
    """No host or account of that name in the bank."""


class Simulation:
    """Advance it, read its telemetry under ``folder``, act on it; equal seeds and calls give equal bytes."""

    def __init__(self, folder: Path, *, seed: int, hosts: int = 50, quiet: bool = False) -> None:
        """``quiet``: the same day without a crew, to see what a defence does when nothing is wrong.

        Raises BankError for an impossible size, TelemetryError where the folder already holds a run."""
        self.seed = seed
        self.now, self._end = banking_day(seed)
        self.bank = build(seed, hosts)
        self.estate = Estate(self.bank, folder, seed=seed, opening=self.now)
        self.truth = Truth()
        self._opening = self.now
        self._defence: list[dict[str, object]] = []
        helpdesk = Helpdesk(self.estate)
        background.begin(self.estate, helpdesk)
        self._crew = None if quiet else self._raise_crew(helpdesk)

    def _raise_crew(self, helpdesk: Helpdesk) -> Crew:
        rng = random.Random(f"{self.seed}/crew")
        craft = Tradecraft(rng)
        estate, truth = self.estate, self.truth
        entry = Entry(estate, helpdesk, craft, truth, random.Random(f"{self.seed}/crew/entry"))
        foothold = Foothold(estate, craft, truth, random.Random(f"{self.seed}/crew/foothold"))
        lateral = Lateral(estate, craft, truth, random.Random(f"{self.seed}/crew/lateral"))
        impact = Impact(estate, foothold, lateral, craft, truth, random.Random(f"{self.seed}/crew/impact"))
        crew = Crew(Hands(entry, foothold, lateral, impact), craft, truth, rng)
        self.estate.schedule.at(self._opening + rng.randrange(8 * MINUTE, 45 * MINUTE), self._crew_acts)
        return crew

    def _crew_acts(self, at: int) -> None:
        pause = self._crew.step(at) if self._crew else None
        if pause is not None:
            self.estate.schedule.at(at + pause, self._crew_acts)

    @property
    def done(self) -> bool:
        """Whether the day is over, or the crew has left and nothing burns any more."""
        burning = any(machine.state == "encrypting" for machine in self.estate.machines.values())
        return self.now >= self._end or (self.truth.outcome != "running" and not burning)

    def advance(self, seconds: int) -> None:
        """Let time pass, up to the end of the day; telemetry of it is on disk when this returns."""
        self.now = min(self.now + seconds * SECOND, self._end)
        self.estate.schedule.run(self.now)
        self.estate.telemetry.flush(self.now)
        if self.now >= self._end and self.truth.outcome == "running":
            self.truth.outcome = "day_ended"

    def close(self) -> None:
        self.estate.telemetry.close()

    def set_isolated(self, name: str, *, isolated: bool) -> None:
        """Cut a host off the network, or let it back. Its telemetry goes on: the agent's channel stays open."""
        host = self._host(name)
        changed = self.estate.network.isolated(host) != isolated
        (self.estate.network.isolate if isolated else self.estate.network.release)(host)
        self._note("isolate_host" if isolated else "release_host", host, changed=changed)

    def isolated(self, name: str) -> bool:
        return self.estate.network.isolated(self._host(name))

    def set_enabled(self, name: str, *, enabled: bool) -> None:
        """Disable an account (no new logons; its sessions die at their next use), or enable it again."""
        account = self._account(name)
        changed = self.estate.directory.enabled(account) != enabled
        (self.estate.directory.enable if enabled else self.estate.directory.disable)(account)
        self._note("enable_account" if enabled else "disable_account", account, changed=changed)

    def enabled(self, name: str) -> bool:
        return self.estate.directory.enabled(self._account(name))

    def reach(self, source: str, target: str) -> bool:
        """Whether a connection from one host to another comes about on any service."""
        hosts = self.bank.hosts
        return self.estate.network.reaches(hosts[self._host(source)], hosts[self._host(target)])

    def inventory(self) -> dict[str, object]:
        """The bank's own lists of hosts and accounts."""
        return {
            "hosts": [
                {
                    "name": host.name,
                    "role": host.role,
                    "criticality": host.criticality,
                    "address": host.address,
                    "users": list(host.users),
                    "services": list(host.services),
                }
                for host in self.bank.hosts.values()
            ],
            "accounts": [
                {
                    "name": account.name,
                    "display_name": account.display_name,
                    "criticality": account.criticality,
                    "kind": account.kind,
                    "hosts": list(account.hosts),
                }
                for account in self.bank.accounts.values()
            ],
        }

    def what_really_happened(self) -> dict[str, object]:
        """The umpire's view. Times are RFC 3339, UTC."""
        first = self.truth.first_malicious
        machines = self.estate.machines.values()
        return {
            "seed": self.seed,
            "start": rfc3339(self._opening),
            "time": rfc3339(self.now),
            "done": self.done,
            "outcome": self.truth.outcome,
            "first_malicious": None if first is None else rfc3339(first),
            "hosts_lost": sorted(machine.host.name for machine in machines if machine.state == "encrypted"),
            "hosts": {
                machine.host.name: {
                    "state": machine.state,
                    "since": rfc3339(machine.since),
                    "isolated": self.estate.network.isolated(machine.host.name),
                }
                for machine in machines
            },
            "accounts_disabled": sorted(a for a in self.bank.accounts if not self.estate.directory.enabled(a)),
            "steps": [
                {
                    "time": rfc3339(step.at),
                    "host": step.host,
                    "account": step.account,
                    "technique": step.technique,
                    "tactic": step.tactic,
                    "what": step.what,
                    "ok": step.ok,
                }
                for step in sorted(self.truth.steps, key=lambda step: step.at)
            ],
            "decisions": [{"time": rfc3339(at), "what": what} for at, what in self.truth.decisions],
            "defence": self._defence,
            "events": self.estate.telemetry.count,
        }

    def _note(self, command: str, target: str, *, changed: bool) -> None:
        self._defence.append({"time": rfc3339(self.now), "command": command, "target": target, "changed": changed})

    def _host(self, name: str) -> str:
        if name.lower() not in self.bank.hosts:
            raise NotFoundError(f"no host '{name}' in the bank")
        return name.lower()

    def _account(self, name: str) -> str:
        if name.lower() not in self.bank.accounts:
            raise NotFoundError(f"no account '{name}' in the bank")
        return name.lower()
