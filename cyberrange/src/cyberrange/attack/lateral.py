"""From host to host: who is logged on where, remote execution by service or WMI, and what that leaves on both sides."""

import random

from cyberrange.attack.implants import Failure, Findings, Implant, administers, refusal, silent
from cyberrange.attack.tradecraft import Tradecraft
from cyberrange.attack.truth import Truth
from cyberrange.clock import SECOND
from cyberrange.directory import Answer, Credential
from cyberrange.estate import NETWORK, Estate
from cyberrange.machine import Logon, Machine, Process, Program
from cyberrange.network import RPC, SMB


class Lateral:
    def __init__(self, estate: Estate, craft: Tradecraft, truth: Truth, rng: random.Random) -> None:
        self._estate = estate
        self._craft = craft
        self._truth = truth
        self._rng = rng

    def hunt(self, at: int, implant: Implant, credential: Credential, targets: list[str]) -> Findings | Failure:
        """Ask hosts over SMB who has sessions there; it takes local administrators."""
        if failure := silent(self._estate, implant):
            return failure
        found = Findings()
        for number, name in enumerate(targets):
            begin = at + number * 1700
            target = self._estate.machines[name]
            session = self._log_on(begin, implant, credential, target)
            if isinstance(session, Failure):
                found.failures[name] = session
                if session in (Failure.DISABLED, Failure.WRONG_PASSWORD):
                    break
                continue
            self._estate.share(begin + 80, target, session, implant.machine.host.address, "IPC$", "srvsvc", "0x3")
            if administers(self._estate.bank.accounts[credential.account], target):
                found.seen[name] = tuple(sorted(target.memory))
            else:
                found.failures[name] = Failure.DENIED
        self._truth.note(
            at,
            implant.host,
            "T1033",
            "discovery",
            f"asks {len(targets)} hosts who is logged on",
            ok=bool(found.seen),
            account=credential.account,
        )
        return found

    def move(self, at: int, implant: Implant, credential: Credential, name: str, *, manner: str) -> Implant | Failure:
        """An implant on another host, by ``service`` (a program of its own), ``command`` or ``wmi``."""
        if failure := silent(self._estate, implant):
            return failure
        target = self._estate.machines[name]
        outcome = self.execute(at, implant, credential, target, self._payload(), "", manner=manner)
        technique = "T1047" if manner == "wmi" else "T1021.002"
        moved = not isinstance(outcome, Failure)
        what = f"moves on from {implant.host.split('.')[0]}"
        self._truth.note(at, name, technique, "lateral-movement", what, ok=moved, account=credential.account)
        if isinstance(outcome, Failure):
            return outcome
        session, process = outcome
        if target.state == "clean":
            target.state, target.since = "compromised", at
        via = None if self._estate.network.internet(target.host) else implant
        if via is None:
            target.resolved(at + 9 * SECOND, process, self._craft.relay, self._craft.relay_address)
            target.connected(at + 9 * SECOND + 50, process, self._craft.relay_address, 443, self._craft.relay)
        system = manner != "wmi"
        return Implant(target, target.system if system else session, process, admin=True, system=system, via=via)

    def execute(
        self,
        at: int,
        implant: Implant,
        credential: Credential,
        target: Machine,
        what: Program,
        arguments: str,
        *,
        manner: str,
    ) -> tuple[Logon, Process] | Failure:
        """Copy a program to another host and start it there."""
        source = implant.machine
        service = RPC if manner == "wmi" else SMB
        if target.state == "encrypted" or not self._estate.network.connects(source.host, target.host, service):
            return Failure.UNREACHABLE
        tool = implant.process
        if manner != "service":
            command = self._remote_command(target, what, manner)
            name = "wmic" if manner == "wmi" else "cmd"
            tool = source.spawn(at, name, command, implant.process)
        own = credential.account == implant.logon.account and not implant.system
        if not own:
            who = implant.logon
            self._estate.explicit(at + 200, source, who, credential, target.host, tool.program.image)
        session = self._log_on(at + 300, implant, credential, target, tool=tool)
        if isinstance(session, Failure):
            return session
        account = self._estate.bank.accounts[credential.account]
        address = source.host.address
        self._estate.share(at + 500, target, session, address, "ADMIN$", what.image[11:], "0x2")
        if not administers(account, target):
            return Failure.DENIED
        target.created(at + 700, target.standing("svchost"), what.image)
        if manner == "wmi":
            host = target.spawn(
                at + 900, "wmiprvse", "-secured -Embedding", target.standing("svchost"), logon=target.system
            )
            started = target.spawn(at + 1200, what, arguments, host, logon=session, integrity="High")
            return session, started
        return session, self._by_service(at + 800, target, session, address, what, arguments, manner=manner)

    def _by_service(
        self, at: int, target: Machine, session: Logon, address: str, what: Program, arguments: str, *, manner: str
    ) -> Process:
        name = self._craft.pick("service_names")
        self._estate.share(at, target, session, address, "IPC$", "svcctl", "0x3")
        target.pipe(at + 40, target.standing("services"), "\\svcctl", connect=True)
        command = f"{what.image} {arguments}".rstrip()
        path = (
            command
            if manner == "service"
            else f"%COMSPEC% /Q /c {command} > \\\\127.0.0.1\\ADMIN$\\__{at % 10**7} 2>&1"
        )
        target.service_installed(at + 200, name, path, "LocalSystem", "demand start", session)
        parent = target.standing("services")
        if manner == "command":
            parent = target.spawn(
                at + 300, "cmd", f"/Q /c {command} > \\\\127.0.0.1\\ADMIN$\\__{at % 10**7} 2>&1", parent
            )
        process = target.spawn(at + 400, what, arguments, parent)
        if manner == "service":
            target.pipe(at + 500, process, f"\\{name}", connect=False)
        return process

    def _log_on(
        self, at: int, implant: Implant, credential: Credential, target: Machine, *, tool: Process | None = None
    ) -> Logon | Failure:
        source = implant.machine
        if target.state == "encrypted" or not self._estate.network.connects(source.host, target.host, SMB):
            return Failure.UNREACHABLE
        source.connected(at, tool or implant.process, target.host.address, 445, target.host.name)
        answer = self._estate.logon(
            at + 60, credential, target, NETWORK, address=source.host.address, workstation=source.host.short, ntlm=True
        )
        return refusal(answer) if isinstance(answer, Answer) else answer

    def _payload(self) -> Program:
        return Program(f"C:\\Windows\\{self._craft.service_binary}")

    def _remote_command(self, target: Machine, what: Program, manner: str) -> str:
        if manner == "wmi":
            return f'/node:"{target.host.short}" process call create "{what.image}"'
        return f"/c copy {what.image} \\\\{target.host.short}\\ADMIN$\\{what.file_name}"
