"""The IT department: helpdesk tickets and password resets, remote support, administrators at work."""

import random

from cyberrange.background.staff import shell_of
from cyberrange.background.systems import encoded
from cyberrange.bank import DOMAIN_ADMINS, HELPDESK_OPERATORS, VPN_USERS, WORKSTATION, Account
from cyberrange.clock import HOUR, MINUTE, SECOND, jst
from cyberrange.data import load
from cyberrange.directory import Answer, Credential
from cyberrange.estate import INTERACTIVE, NETWORK, REMOTE, Estate
from cyberrange.helpdesk import Helpdesk
from cyberrange.machine import Machine, program
from cyberrange.network import RDP, SMB
from cyberrange.schedule import Deed


class ItDepartment:
    def __init__(self, estate: Estate, helpdesk: Helpdesk) -> None:
        self._estate = estate
        self._rng = random.Random(f"{estate.seed}/it")
        self._habits = load("background")
        self._helpdesk = helpdesk
        self._operators = estate.bank.member_of(HELPDESK_OPERATORS)
        self._admins = estate.bank.member_of(DOMAIN_ADMINS)
        self._remember_yesterday()
        self._often(9 * MINUTE, self._ticket)
        self._often(26 * MINUTE, self._forgotten_password)
        self._often(32 * MINUTE, self._remote_support)
        self._often(2 * HOUR, self._remote_tool)
        self._often(24 * MINUTE, self._administration)

    def _often(self, mean: int, deed: Deed) -> None:
        def again(at: int) -> None:
            deed(at)
            self._estate.schedule.at(at + MINUTE + round(self._rng.expovariate(1 / mean)), again)

        self._estate.schedule.at(self._estate.opening + round(self._rng.random() * 2 * mean), again)

    def _remember_yesterday(self) -> None:
        """Sessions left open (helpdesk on some workstations, administrators on servers) keep credentials in LSASS."""
        current = self._estate.directory.current
        for machine in self._estate.machines.values():
            host = machine.host
            for user in host.users:
                machine.memory[user] = current(user)
                privileged = [a for a in (*self._operators, *self._admins) if host.name in a.hosts]
                machine.memory.update({account.name: current(account.name) for account in privileged})
            if host.role == WORKSTATION and self._rng.random() < 0.4:
                operator = self._rng.choice(self._operators).name
                machine.memory[operator] = current(operator)
            elif host.role in ("jump-server", "file-server", "backup-server", "domain-controller"):
                admin = self._rng.choice(self._admins).name
                machine.memory[admin] = current(admin)

    def _ticket(self, at: int) -> None:
        kind, summary, contact = self._rng.choice(self._habits["tickets"])
        person = self._rng.choice(self._staff())
        self._helpdesk.open(at, kind, person, summary, contact, operator=self._rng.choice(self._operators))

    def _forgotten_password(self, at: int) -> None:
        """A real employee has a password reset; nearly half by telephone. A few work from home."""
        person = self._rng.choice(self._staff())
        by_voice = self._rng.random() < 0.45
        check = self._rng.choice(self._habits["identity_checks"]) if by_voice else "portal"
        operator = self._rng.choice(self._operators)
        self._helpdesk.reset_password(at, person, "voice" if by_voice else "portal", check, operator)
        self._estate.schedule.at(
            at + self._rng.randrange(2, 9) * MINUTE, lambda now: self._try_new_password(now, person)
        )

    def _try_new_password(self, at: int, person: Account) -> None:
        machine = self._estate.machines[person.hosts[0]]
        credential = self._estate.directory.current(person.name)
        from_home = VPN_USERS in person.groups and self._rng.random() < 0.12
        if machine.state == "encrypted":
            return
        if from_home and self._estate.network.from_vpn(machine.host, RDP):
            address = f"{self._estate.bank.zones['vpn']}.{self._rng.randrange(100, 200)}"
            self._estate.logon(at, credential, machine, REMOTE, address=address, workstation=machine.host.short)
        else:
            self._estate.logon(at, credential, machine, INTERACTIVE)

    def _remote_support(self, at: int) -> None:
        """An operator takes over a screen with the privileged account, which stays in memory there."""
        machine = self._estate.machines[self._rng.choice(self._staff()).hosts[0]]
        operator = self._rng.choice(self._operators)
        desk = self._estate.machines[operator.hosts[0]]
        if not self._estate.network.connects(desk.host, machine.host, RDP) or "encrypted" in (
            desk.state,
            machine.state,
        ):
            return
        credential = self._estate.directory.current(operator.name)
        session = self._estate.logon(at, credential, machine, REMOTE, address=desk.host.address)
        if isinstance(session, Answer):
            return
        shell = shell_of(machine, session, at + SECOND)
        for number, (name, arguments) in enumerate(self._rng.sample(self._habits["admin_commands"][5:], 2)):
            machine.spawn(at + (30 + 40 * number) * SECOND, name, arguments, shell)

    def _remote_tool(self, at: int) -> None:
        """An operator runs a command on a workstation with PsExec."""
        operator = self._rng.choice(self._operators)
        source = self._estate.machines[operator.hosts[0]]
        target = self._estate.machines[self._rng.choice(self._staff()).hosts[0]]
        if source.user is None or "encrypted" in (source.state, target.state):
            return
        if not self._estate.network.connects(source.host, target.host, SMB):
            return
        credential = self._estate.directory.current(operator.name)
        self._psexec(at, source, target, credential)

    def _psexec(self, at: int, source: Machine, target: Machine, credential: Credential) -> None:
        assert source.user is not None
        shell = source.spawn(at, "cmd", "", source.standing("wininit"), logon=source.user, integrity="High")
        tool = source.spawn(at + SECOND, "psexec", f"\\\\{target.host.short} -s gpupdate /force", shell)
        self._estate.explicit(at + 1100, source, source.user, credential, target.host, tool.program.image)
        source.connected(at + 1200, tool, target.host.address, 445, target.host.name)
        session = self._estate.logon(at + 1300, credential, target, NETWORK, address=source.host.address)
        if isinstance(session, Answer):
            return
        service = program("psexesvc")
        address = source.host.address
        self._estate.share(at + 1500, target, session, address, "ADMIN$", "PSEXESVC.exe", "0x2")
        self._estate.share(at + 1600, target, session, address, "IPC$", "svcctl", "0x3")
        target.created(at + 1700, target.standing("services"), service.image)
        target.service_installed(
            at + 1800, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe", "LocalSystem", "demand start", session
        )
        worker = target.spawn(at + 1900, service, "", target.standing("services"))
        target.pipe(at + 1950, worker, "\\PSEXESVC", connect=False)
        target.spawn(at + 2000, "gpupdate", "/force", worker)

    def _administration(self, at: int) -> None:
        """An administrator works through the jump server, and sometimes goes on to another server."""
        admin = self._rng.choice(self._admins)
        desk = self._estate.machines[admin.hosts[1]]
        jump = self._estate.by_role("jump-server")[0]
        if desk.user is None or jst(at).hour == 12:
            return
        machine = self._hop(at, admin, desk, jump)
        if machine is not None and self._rng.random() < 0.4:
            role = self._rng.choice(
                ["file-server", "update-server", "backup-server", "domain-controller", "print-server"]
            )
            self._hop(at + 90 * SECOND, admin, jump, self._rng.choice(self._estate.by_role(role)))

    def _hop(self, at: int, admin: Account, source: Machine, target: Machine) -> Machine | None:
        if not self._estate.network.connects(source.host, target.host, RDP) or "encrypted" in (
            source.state,
            target.state,
        ):
            return None
        credential = self._estate.directory.current(admin.name)
        session = self._estate.logon(at, credential, target, REMOTE, address=source.host.address)
        if isinstance(session, Answer):
            return None
        shell = shell_of(target, session, at + SECOND)
        console = target.spawn(at + 10 * SECOND, "powershell", "", shell)
        for number in range(self._rng.randrange(1, 5)):
            if self._rng.random() < 0.75:
                name, arguments = self._rng.choice(self._habits["admin_commands"])
            else:
                odd = self._habits["odd_admin_commands"]
                name, arguments, _ = self._rng.choices(odd, [weight for _, _, weight in odd])[0]
            arguments = arguments.replace("{encoded}", encoded("Get-ADComputer -Filter * | Measure-Object"))
            target.spawn(at + (20 + 35 * number) * SECOND, name, arguments, console)
        return target

    def _staff(self) -> list[Account]:
        """People at work today, at desks."""
        return [a for a in self._estate.bank.accounts.values() if a.kind == "staff" and not a.absent]
