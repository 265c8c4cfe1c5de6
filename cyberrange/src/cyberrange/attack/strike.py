"""The strike: every launcher starts the encryptor on one host after another, then on itself."""

import random

from cyberrange.attack.impact import Impact
from cyberrange.attack.implants import Failure
from cyberrange.attack.knowledge import Held, Knowledge
from cyberrange.attack.tradecraft import Tradecraft
from cyberrange.clock import SECOND
from cyberrange.directory import Credential


class Strike:
    def __init__(self, know: Knowledge, impact: Impact, craft: Tradecraft, rng: random.Random) -> None:
        self._know = know
        self._impact = impact
        self._craft = craft
        self._rng = rng
        self._failed: set[tuple[str, str, str]] = set()
        left = sorted(set(know.hosts) - set(know.held))
        self._left = rng.sample(left, len(left))
        self.struck = 0
        """Hosts on which the encryptor was started."""

    def step(self, at: int) -> int | None:
        """One deployment per launcher; returns the pause in milliseconds, None when nothing is left to strike."""
        launchers = self._know.answering()
        if not launchers:
            return None if not self._know.held else 20 * SECOND
        busy = [self._launch(at + round(self._rng.uniform(0, 4) * SECOND), held) for held in launchers]
        if any(busy):
            return round(self._rng.uniform(9, 26) * SECOND)
        for held in launchers:
            if self._impact.detonate(at, held.implant) is None:
                self.struck += 1
            del self._know.held[held.host]
        return None if not self._know.held else 20 * SECOND

    def _launch(self, at: int, held: Held) -> bool:
        """Try the next host that this launcher has not yet failed on; false where there is none."""
        for target in self._left:
            for credential in self._keys():
                if (held.host, credential.account, target) in self._failed:
                    continue
                self._try(at, held, credential, target)
                return True
        return False

    def _try(self, at: int, held: Held, credential: Credential, target: str) -> None:
        manner = self._craft.manner()
        failure = self._impact.deploy(at, held.implant, credential, target, manner=manner)
        if failure is None:
            self.struck += 1
            self._left.remove(target)
        elif failure is Failure.SILENCE:
            held.missed += 1
        elif not (failure is Failure.UNREACHABLE and self._craft.blocked(manner)):
            self._failed.add((held.host, credential.account, target))
            self._know.failed(held.host, credential, target, failure)

    def _keys(self) -> list[Credential]:
        """Credentials that are, or have proved to be, administrators somewhere."""
        return [c for c in self._know.useful() if c.account in self._know.admins or c.account in self._know.proved]
