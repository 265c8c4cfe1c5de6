"""The crew's planner: from replies to the next move. It imports nothing that knows the truth.

Each ``step`` does one thing and says how long the crew then waits. Goals in order: be inside; know the domain; own
LSASS; become a domain administrator (by hunting sessions or cracking service tickets); stand where everything is in
reach; strike everywhere at once. A lost foothold or a burnt credential raises ``alarm``; past its nerve the crew works
at twice the pace, and strikes as soon as it is an administrator anywhere.
"""

import random
from dataclasses import dataclass

from cyberrange.attack.entry import Entry
from cyberrange.attack.foothold import Foothold
from cyberrange.attack.impact import Impact
from cyberrange.attack.implants import Failure
from cyberrange.attack.knowledge import Held, Knowledge
from cyberrange.attack.lateral import Lateral
from cyberrange.attack.strike import Strike
from cyberrange.attack.tradecraft import Tradecraft
from cyberrange.attack.truth import Truth
from cyberrange.clock import MINUTE
from cyberrange.directory import Credential

_MAX_CALLS = 3
_MAX_IDLE = 4
_MAX_FRUITLESS = 2


@dataclass(slots=True)
class Hands:
    """What the crew can do."""

    entry: Entry
    foothold: Foothold
    lateral: Lateral
    impact: Impact


class Crew:
    def __init__(self, hands: Hands, craft: Tradecraft, truth: Truth, rng: random.Random) -> None:
        self._hands = hands
        self._craft = craft
        self._truth = truth
        self._rng = rng
        self._pace = rng.uniform(1.0, 1.6)
        self._nerve = rng.choice((2, 2, 3))
        self._names = hands.entry.public_names()
        self._steals_data = rng.random() < 0.7
        self._early = rng.sample(["discover", "escalate"], 2)
        self._know = Knowledge()
        self._cracking: list[tuple[int, Credential]] = []
        self._shut: set[str] = set()
        """Accounts that the VPN does not take."""
        self._front: Credential | None = None
        """Fresh from the helpdesk, to be used next."""
        self._calls = 0
        self._alarm = 0
        self._hurried = False
        self._idle = 0
        self._fruitless: dict[tuple[str, str], int] = {}
        """Account and site asked from, to hunts in a row that found nothing."""
        self._strike: Strike | None = None

    def step(self, at: int) -> int | None:
        """One move; returns the pause after it in milliseconds, or None when the crew is done."""
        self._check_in(at)
        for ready, credential in self._cracking:
            if ready <= at:
                self._know.learn([credential])
        self._cracking = [(ready, credential) for ready, credential in self._cracking if ready > at]
        if self._strike is not None:
            return self._go_on_striking(at)
        if self._front is not None:
            credential, self._front = self._front, None
            return self._knock(at, credential)
        if not self._know.held:
            return self._enter(at)
        if self._alarm >= self._nerve and not self._hurried:
            self._hurried = True
            self._pace /= 2
            self._decide(at, "has noticed that it is being contained and hurries")
        if self._hurried and (self._know.proved or self._know.master() or self._alarm > self._nerve + 1):
            return self._begin_strike(at, "strikes before it is locked out")
        answering = self._know.answering()
        if not answering:
            return self._minutes(1, 2)
        return self._advance(at, answering)

    def _check_in(self, at: int) -> None:
        for held in self._know.held.values():
            held.missed = held.missed + 1 if self._hands.entry.beacon(at, held.implant) else 0
        for host in self._know.lose_silent():
            self._alarm += 1
            self._decide(at, f"has lost its foothold on {host}")

    def _enter(self, at: int) -> int | None:
        """From outside: a credential that the VPN takes, else another call to the helpdesk."""
        for credential in self._know.useful():
            if credential.account not in self._shut:
                return self._knock(at, credential)
        return self._call(at)

    def _knock(self, at: int, credential: Credential) -> int:
        """Try a credential at the VPN, and install on the workstation behind it."""
        reply = self._hands.entry.connect(at, credential)
        if isinstance(reply, Failure):
            self._shut.add(credential.account)
            if self._know.failed("", credential, "vpn", reply):
                self._alarm += 1
            return self._minutes(1, 4)
        machine, session, shell = reply
        installed = self._hands.entry.install(at + round(self._minutes(0.4, 0.8)), machine, session, shell)
        if isinstance(installed, Failure):
            self._shut.add(credential.account)
            return self._minutes(1, 3)
        self._know.held[installed.host] = Held(installed)
        return self._minutes(3, 9)

    def _call(self, at: int) -> int | None:
        if self._calls >= _MAX_CALLS or not self._names:
            return self._end(at, "gave_up", "has no way in left and gives up")
        name = self._names.pop(0)
        reply = self._hands.entry.call_helpdesk(at, name, calls_before=self._calls)
        self._calls += 1
        if isinstance(reply, Failure):
            return self._minutes(10, 22)
        self._shut.discard(name)
        self._know.learn([reply])
        self._front = reply
        return self._minutes(3, 8)

    def _advance(self, at: int, answering: list[Held]) -> int | None:
        for goal in (*self._early, "dump", "roast"):
            for held in answering:
                pause = self._work_on(at, held, goal)
                if pause is not None:
                    self._idle = 0
                    return pause
        pause = self._spread(at, answering)
        if pause is not None:
            self._idle = 0
            return pause
        self._idle += 1
        if self._idle > _MAX_IDLE and not self._cracking:
            if self._calls < _MAX_CALLS and self._names:
                self._decide(at, "gets no further and opens another front")
                self._idle = 0
                return self._call(at)
            return self._begin_strike(at, "gets no further and strikes with what it has")
        return self._minutes(3, 7)

    def _work_on(self, at: int, held: Held, goal: str) -> int | None:
        """Something on a foothold towards a goal, or None where there is nothing left to do."""
        know, foothold, implant = self._know, self._hands.foothold, held.implant
        if goal == "discover":
            wanted = [
                subject for subject in ("self", "admins", "domain", "directory") if not self._knows(held, subject)
            ]
            if not wanted:
                return None
            subject = wanted[0] if self._rng.random() < 0.7 else self._rng.choice(wanted)
            held.done.add(subject)
            reply = foothold.discover(at, implant, subject)
            if not isinstance(reply, Failure):
                know.hosts = know.hosts or reply.hosts
                know.admins = know.admins or reply.admins
                know.services = know.services or reply.services
            return self._minutes(2, 7)
        if goal == "escalate" and not implant.admin and held.escalations < 3:
            held.escalations += 1
            foothold.escalate(at, implant)
            return self._minutes(3, 9)
        if goal == "dump" and implant.admin and "dump" not in held.done and know.master() is None:
            if "blind" not in held.done and self._rng.random() < 0.35:
                held.done.add("blind")
                foothold.blind(at, implant)
                return self._minutes(1, 3)
            held.done.add("dump")
            reply = foothold.dump(at, implant)
            if not isinstance(reply, Failure):
                know.learn(reply)
            return self._minutes(4, 11)
        if goal == "roast" and know.services and not self._cracking and "roast" not in held.done and not know.master():
            held.done.add("roast")
            if any("roast" in other.done for other in know.held.values() if other is not held):
                return None
            reply = foothold.roast(at, implant, list(know.services))
            if not isinstance(reply, Failure):
                self._cracking = [(at + self._minutes(18, 55), credential) for credential in reply.values()]
            return self._minutes(3, 8)
        return None

    def _knows(self, held: Held, subject: str) -> bool:
        """Whether a subject needs no looking into from this foothold."""
        if subject in held.done:
            return True
        if subject == "directory":
            return bool(self._know.hosts)
        if subject == "admins":
            return bool(self._know.admins)
        return len(self._know.held) > 1

    def _spread(self, at: int, answering: list[Held]) -> int | None:
        master = self._know.master()
        if master is not None:
            return self._take_position(at, answering, master)
        know = self._know
        wanted = [host for host, accounts in know.seen.items() if know.worth_having(accounts) and host not in know.held]
        for target in wanted:
            for credential in know.useful():
                pause = self._try_move(at, answering, credential, target)
                if pause is not None:
                    return pause
        return self._hunt(at, answering)

    def _hunt(self, at: int, answering: list[Held]) -> int | None:
        """See who is logged on where, with a credential that may be an administrator there."""
        know = self._know
        for credential in know.useful():
            account = credential.account
            for held in self._rng.sample(answering, len(answering)):
                front = (account, held.host.split("-")[0])
                targets = know.unseen(held.host, account)[: self._rng.randrange(5, 10)]
                if not targets or self._fruitless.get(front, 0) >= _MAX_FRUITLESS:
                    continue
                reply = self._hands.lateral.hunt(at, held.implant, credential, targets)
                if isinstance(reply, Failure):
                    return self._minutes(1, 3)
                self._fruitless[front] = 0 if reply.seen else self._fruitless.get(front, 0) + 1
                if reply.seen:
                    know.proved.add(account)
                know.seen.update(reply.seen)
                for target, failure in reply.failures.items():
                    if know.failed(held.host, credential, target, failure):
                        self._alarm += 1
                return self._minutes(3, 8)
        return None

    def _take_position(self, at: int, answering: list[Held], master: Credential) -> int | None:
        """With the keys to the domain: stand on a domain controller and a file server, take data, then strike."""
        for prefix in ("dc", "fs"):
            if not any(host.startswith(prefix) for host in self._know.held):
                for target in [host for host in self._know.hosts if host.startswith(prefix)]:
                    pause = self._try_move(at, answering, master, target)
                    if pause is not None:
                        return pause
        if self._steals_data:
            self._steals_data = False
            source = next((held for held in answering if held.host.startswith("fs")), answering[0])
            self._hands.impact.exfiltrate(at, source.implant)
            return self._minutes(8, 20)
        return self._begin_strike(at, "owns the domain and strikes")

    def _try_move(self, at: int, answering: list[Held], credential: Credential, target: str) -> int | None:
        for held in answering:
            if (held.host, credential.account, target) in self._know.tried:
                continue
            manner = self._craft.manner()
            reply = self._hands.lateral.move(at, held.implant, credential, target, manner=manner)
            if not isinstance(reply, Failure):
                self._know.proved.add(credential.account)
                self._know.held[target] = Held(reply)
                return self._minutes(4, 12)
            blocked = reply is Failure.UNREACHABLE and self._craft.blocked(manner)
            if reply is not Failure.SILENCE and not blocked and self._know.failed(held.host, credential, target, reply):
                self._alarm += 1
            return self._minutes(1, 4)
        return None

    def _begin_strike(self, at: int, why: str) -> int | None:
        self._decide(at, why)
        self._strike = Strike(self._know, self._hands.impact, self._craft, self._rng)
        return self._go_on_striking(at)

    def _go_on_striking(self, at: int) -> int | None:
        assert self._strike is not None
        pause = self._strike.step(at)
        if pause is not None:
            return pause
        if self._strike.struck == 0 and self._calls < _MAX_CALLS:
            self._strike = None
            self._decide(at, "has struck nothing and tries to come in again")
            return self._minutes(8, 20)
        return self._end(at, "finished", f"has struck {self._strike.struck} hosts and leaves")

    def _end(self, at: int, outcome: str, why: str) -> None:
        self._decide(at, why)
        self._truth.outcome = outcome

    def _decide(self, at: int, what: str) -> None:
        self._truth.decisions.append((at, f"the crew {what}"))

    def _minutes(self, low: float, high: float) -> int:
        return round(self._rng.uniform(low, high) * self._pace * MINUTE)
