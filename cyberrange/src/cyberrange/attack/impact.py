"""The end: data carried off, backups destroyed, logs cleared, files encrypted."""

import random

from cyberrange.attack.foothold import Foothold
from cyberrange.attack.implants import Failure, Implant, silent
from cyberrange.attack.lateral import Lateral
from cyberrange.attack.tradecraft import Tradecraft
from cyberrange.attack.truth import Truth
from cyberrange.bank import WORKSTATION
from cyberrange.clock import SECOND
from cyberrange.data import load
from cyberrange.directory import Credential
from cyberrange.estate import Estate
from cyberrange.machine import Logon, Machine, Process

_FOLDERS = {"file-server": "D:\\share", "backup-server": "E:\\Backup"}


class Impact:
    def __init__(
        self, estate: Estate, foothold: Foothold, lateral: Lateral, craft: Tradecraft, truth: Truth, rng: random.Random
    ) -> None:
        self._estate = estate
        self._foothold = foothold
        self._lateral = lateral
        self._craft = craft
        self._truth = truth
        self._rng = rng

    def exfiltrate(self, at: int, implant: Implant) -> Failure | None:
        if failure := silent(self._estate, implant):
            return failure
        tool, arguments = self._craft.exfiltration("D:\\share\\審査")
        implant.machine.created(at, implant.process, tool.image)
        process = implant.machine.spawn(at + 4 * SECOND, tool, arguments, implant.process)
        address = self._craft.exfiltration_address
        for number in range(6):
            implant.machine.connected(at + (5 + 7 * number) * SECOND, process, address, 443, self._craft.domain)
        self._truth.note(at, implant.host, "T1567.002", "exfiltration", "copies files to a cloud store")
        return None

    def deploy(self, at: int, launcher: Implant, credential: Credential, name: str, *, manner: str) -> Failure | None:
        """Start the encryptor on another host."""
        if failure := silent(self._estate, launcher):
            return failure
        target = self._estate.machines[name]
        if target.state == "encrypting":
            return None
        outcome = self._lateral.execute(
            at, launcher, credential, target, self._craft.encryptor, self._craft.encryptor_arguments, manner=manner
        )
        deployed = not isinstance(outcome, Failure)
        self._truth.note(
            at, name, "T1570", "lateral-movement", "deploys the encryptor", ok=deployed, account=credential.account
        )
        if isinstance(outcome, Failure):
            return outcome
        session, process = outcome
        self._begin(at + 2 * SECOND, target, process, session)
        return None

    def detonate(self, at: int, implant: Implant) -> Failure | None:
        """Start the encryptor on the foothold itself."""
        if failure := silent(self._estate, implant):
            return failure
        if implant.machine.state != "encrypting":
            self._foothold.disable_defender(at, implant, implant.process)
            craft = self._craft
            process = implant.machine.spawn(
                at + 3 * SECOND, craft.encryptor, craft.encryptor_arguments, implant.process
            )
            self._begin(at + 4 * SECOND, implant.machine, process, implant.logon)
        return None

    def _begin(self, at: int, machine: Machine, encryptor: Process, session: Logon) -> None:
        """From here on only the machine's own pace counts: cutting its network no longer saves it."""
        machine.state, machine.since = "encrypting", at
        where = machine.host.name
        shell = machine.spawn(at, "cmd", "", encryptor)
        steps = self._craft.shuffled(["shadows", "shadows", "recovery", "logs"])[: self._rng.randrange(2, 5)]
        if "shadows" not in steps:
            steps.append("shadows")
        for number, step in enumerate(dict.fromkeys(steps)):
            begin = at + (1 + 2 * number) * SECOND
            if step == "logs":
                log = self._rng.choice(load("tradecraft")["logs"])
                machine.spawn(begin, "wevtutil", f"cl {log}", shell)
                machine.log_cleared(begin + 300, log, session)
                self._truth.note(begin, where, "T1685.005", "defense-impairment", f"clears the {log} log")
            else:
                machine.spawn(begin, *self._craft.command(step), shell)
                self._truth.note(begin, where, "T1490", "impact", "destroys shadow copies and recovery")
        self._truth.note(
            at, where, "T1486", "impact", "encrypts files", account="" if session is machine.system else session.account
        )
        waves = self._rng.randrange(6, 14)
        pace = self._rng.randrange(10, 26) * SECOND
        self._estate.schedule.at(at + 12 * SECOND, lambda now: self._wave(now, machine, encryptor, waves, pace))

    def _wave(self, at: int, machine: Machine, encryptor: Process, left: int, pace: int) -> None:
        """Some files of one folder, and the note that goes with them."""
        habits = load("background")
        user = machine.host.users[0] if machine.host.role == WORKSTATION else "Public"
        root = _FOLDERS.get(machine.host.role, f"C:\\Users\\{user}\\Documents")
        folder = f"{root}\\{self._rng.choice(habits['folders'])}"
        begin = at
        for _ in range(self._rng.randrange(5, 13)):
            begin += self._rng.randrange(40, 400)
            name = self._rng.choice(habits["documents"]).format(n=self._rng.randrange(1000))
            machine.created(begin, encryptor, f"{folder}\\{name}{self._craft.extension}")
        machine.created(begin + 100, encryptor, f"{folder}\\{self._craft.note_name}")
        if left > 1:
            self._estate.schedule.at(at + pace, lambda now: self._wave(now, machine, encryptor, left - 1, pace))
        else:
            machine.state, machine.since = "encrypted", at
