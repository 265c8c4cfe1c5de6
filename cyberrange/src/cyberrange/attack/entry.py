"""Getting in: the helpdesk call, the VPN, the first implant."""

import random

from cyberrange.attack.implants import Failure, Implant, refusal, silent
from cyberrange.attack.tradecraft import Tradecraft
from cyberrange.attack.truth import Truth
from cyberrange.background.staff import shell_of
from cyberrange.background.systems import encoded
from cyberrange.bank import HELPDESK_OPERATORS, VPN_USERS
from cyberrange.clock import SECOND
from cyberrange.directory import Answer, Credential
from cyberrange.estate import NETWORK, REMOTE, Estate
from cyberrange.helpdesk import Helpdesk
from cyberrange.machine import Logon, Machine, Process
from cyberrange.network import RDP


class Entry:
    def __init__(self, estate: Estate, helpdesk: Helpdesk, craft: Tradecraft, truth: Truth, rng: random.Random) -> None:
        self._estate = estate
        self._helpdesk = helpdesk
        self._craft = craft
        self._truth = truth
        self._rng = rng
        self._operators = estate.bank.member_of(HELPDESK_OPERATORS)

    def public_names(self) -> list[str]:
        """Accounts of people whose absence note the crew got by mail: away, and with work that needs the VPN."""
        bank = self._estate.bank
        away = [a.name for a in bank.accounts.values() if a.absent and VPN_USERS in a.groups]
        others = [
            a.name for a in bank.accounts.values() if a.kind == "staff" and VPN_USERS in a.groups and not a.absent
        ]
        return [*self._rng.sample(away, len(away)), *self._rng.sample(others, min(3, len(others)))]

    def call_helpdesk(self, at: int, account: str, *, calls_before: int) -> Credential | Failure:
        """Pretend to be an employee on the telephone. Operators grow wary with each such call."""
        person = self._estate.bank.accounts[account]
        operator = self._rng.choice(self._operators)
        believed = self._rng.random() < (1.0, 0.7, 0.5, 0.3)[min(calls_before, 3)] and self._estate.directory.enabled(
            account
        )
        self._truth.note(
            at, "", "T1566.004", "initial-access", "calls the helpdesk as an employee", ok=believed, account=account
        )
        if not believed:
            extra: dict[str, object] = {"identity_check": "failed", "host": person.hosts[0]}
            self._helpdesk.open(
                at, "password_reset", person, "本人確認ができず未対応", "voice", operator=operator, extra=extra
            )
            return Failure.REFUSED
        # Now and then even calling back confirms the caller: the number was diverted.
        check = self._rng.choices(["employee_number", "manager_approval", "callback"], [6, 2, 2])[0]
        return self._helpdesk.reset_password(at, person, "voice", check, operator)

    def connect(self, at: int, credential: Credential) -> tuple[Machine, Logon, Process] | Failure:
        """By VPN to the employee's workstation: 4776 and 4624 at the gateway, 4624 type 10 at the workstation."""
        estate = self._estate
        account = estate.bank.accounts[credential.account]
        machine = estate.machines[account.hosts[0]]
        address = f"{estate.bank.zones['vpn']}.{self._craft.vpn_client}"
        gateway = estate.by_role("vpn-gateway")[0]
        outcome = self._connect(at, credential, gateway, machine, address, allowed=VPN_USERS in account.groups)
        self._truth.note(
            at,
            machine.host.name,
            "T1133",
            "initial-access",
            "logs on through the VPN",
            ok=not isinstance(outcome, Failure),
            account=account.name,
        )
        if isinstance(outcome, Failure):
            return outcome
        machine.connected(at + 6 * SECOND, machine.standing("svchost"), address, 3389, inbound_from=address)
        self._compromise(machine, at)
        return machine, outcome, shell_of(machine, outcome, at + 7 * SECOND)

    def _connect(
        self, at: int, credential: Credential, gateway: Machine, machine: Machine, address: str, *, allowed: bool
    ) -> Logon | Failure:
        if not allowed or self._estate.network.isolated(gateway.host.name) or gateway.state == "encrypted":
            return Failure.UNREACHABLE
        tunnel = self._estate.logon(
            at, credential, gateway, NETWORK, address=address, workstation=self._craft.computer, ntlm=True
        )
        if isinstance(tunnel, Answer):
            return refusal(tunnel)
        if not self._estate.network.from_vpn(machine.host, RDP) or machine.state == "encrypted":
            return Failure.UNREACHABLE
        session = self._estate.logon(
            at + 5 * SECOND, credential, machine, REMOTE, address=address, workstation=self._craft.computer
        )
        return refusal(session) if isinstance(session, Answer) else session

    def install(self, at: int, machine: Machine, session: Logon, shell: Process) -> Implant | Failure:
        """Encoded PowerShell fetches a remote-access tool, which becomes the implant."""
        craft, network = self._craft, self._estate.network
        where = machine.host.name
        if not self._estate.usable(session) or not network.internet(machine.host) or machine.state == "encrypted":
            return Failure.SILENCE
        starter = shell
        if self._rng.random() < 0.5:
            starter = machine.spawn(at, "cmd", "", shell)
        script = craft.pick("script", domain=craft.domain, file=f"{self._rng.getrandbits(24):06x}.ps1")
        arguments = craft.pick("powershell", encoded=encoded(script))
        powershell = machine.spawn(at + 2 * SECOND, "powershell", arguments, starter)
        machine.resolved(at + 3 * SECOND, powershell, craft.domain, craft.address)
        machine.connected(at + 3 * SECOND + 80, powershell, craft.address, 443, craft.domain)
        self._truth.note(at, where, "T1059.001", "execution", "runs encoded PowerShell", account=session.account)
        tool = craft.remote_tool
        machine.created(at + 9 * SECOND, powershell, tool.image)
        remote = machine.spawn(at + 14 * SECOND, tool, craft.tool_arguments, powershell)
        machine.resolved(at + 16 * SECOND, remote, craft.relay, craft.relay_address)
        machine.connected(at + 16 * SECOND + 60, remote, craft.relay_address, 443, craft.relay)
        run_key = f"HKU\\{session.sid}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\{tool.product}"
        machine.registry(at + 18 * SECOND, remote, run_key, f'"{tool.image}" --tray')
        self._truth.note(
            at + 14 * SECOND,
            where,
            "T1219.002",
            "command-and-control",
            "installs a remote-access tool",
            account=session.account,
        )
        return Implant(machine, session, remote, admin=False)

    def beacon(self, at: int, implant: Implant) -> Failure | None:
        """An implant's check-in, answered or not."""
        failure = silent(self._estate, implant)
        if failure is None and implant.via is None and self._rng.random() < 0.25:
            implant.machine.connected(at, implant.process, self._craft.relay_address, 443, self._craft.relay)
        return failure

    def _compromise(self, machine: Machine, at: int) -> None:
        if machine.state == "clean":
            machine.state, machine.since = "compromised", at
