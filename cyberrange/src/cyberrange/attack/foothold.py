"""On a foothold: discovery, privileges, credentials out of LSASS and Kerberos, blinding Defender."""

import random

from cyberrange.attack.implants import Failure, Findings, Implant, administers, silent
from cyberrange.attack.tradecraft import Tradecraft
from cyberrange.attack.truth import Truth
from cyberrange.bank import DOMAIN_ADMINS
from cyberrange.clock import SECOND
from cyberrange.directory import Credential
from cyberrange.estate import Estate
from cyberrange.machine import Process

_DUMP_TRACE = (
    "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2c0fe|"
    "{caller}|C:\\Windows\\SYSTEM32\\dbgcore.DLL+6ceb"
)
_DUMP_CALLERS = {
    "comsvcs": "C:\\Windows\\System32\\comsvcs.dll+d6b2",
    "taskmgr": "C:\\Windows\\System32\\Taskmgr.exe+4f1a8",
}
_DISCOVERY = {"self": "T1033", "admins": "T1069.002", "domain": "T1482"}


class Foothold:
    def __init__(self, estate: Estate, craft: Tradecraft, truth: Truth, rng: random.Random) -> None:
        self._estate = estate
        self._craft = craft
        self._truth = truth
        self._rng = rng

    def discover(self, at: int, implant: Implant, subject: str) -> Findings | Failure:
        """Commands about ``self``, ``admins``, ``domain`` or, with AdFind, the ``directory``."""
        if failure := silent(self._estate, implant):
            return failure
        bank, where = self._estate.bank, implant.host
        console = self._console(at, implant)
        if subject == "directory":
            tool = self._craft.adfind
            implant.machine.created(at, implant.process, tool.image)
            for number in range(self._rng.randrange(1, 3)):
                begin = at + (8 + 20 * number) * SECOND
                implant.machine.spawn(
                    begin, tool, self._craft.pick("adfind"), console, directory=f"{self._craft.folder}\\"
                )
            self._truth.note(at, where, "T1018", "discovery", "lists the directory with AdFind")
        else:
            for number, (name, arguments) in enumerate(self._craft.discovery(subject, bank.domain)):
                begin = at + (3 + number * self._rng.randrange(6, 30)) * SECOND
                child = implant.machine.spawn(begin, name, arguments, console)
                if name == "net":
                    implant.machine.spawn(begin + 60, "net1", arguments, child)
            self._truth.note(at, where, _DISCOVERY[subject], "discovery", f"runs discovery commands: {subject}")
        if self._estate.controller(implant.machine) is None:
            return Findings()
        if subject == "directory":
            services = {a.name: a.hosts for a in bank.accounts.values() if a.kind == "service"}
            return Findings(hosts=tuple(bank.hosts), services=services)
        if subject == "admins":
            return Findings(admins=tuple(account.name for account in bank.member_of(DOMAIN_ADMINS)))
        return Findings()

    def escalate(self, at: int, implant: Implant) -> bool | Failure:
        """To high integrity: a UAC bypass for local administrators, else a service whose program may be replaced."""
        if failure := silent(self._estate, implant):
            return failure
        machine = implant.machine
        account = self._estate.bank.accounts.get(implant.logon.account)
        if account is not None and administers(account, machine):
            key = f"HKU\\{implant.logon.sid}_Classes\\ms-settings\\Shell\\Open\\command\\"
            machine.registry(at, implant.process, f"{key}DelegateExecute", "(Empty)")
            machine.registry(
                at + 60, implant.process, f"{key}(Default)", f'cmd.exe /c start "" "{implant.process.program.image}"'
            )
            helper = machine.spawn(at + 2 * SECOND, "fodhelper", "", self._console(at, implant), integrity="High")
            shell = machine.spawn(at + 3 * SECOND, "cmd", f'/c start "" "{implant.process.program.image}"', helper)
            implant.process = machine.spawn(at + 4 * SECOND, implant.process.program, "", shell)
            worked, technique, what = True, "T1548.002", "bypasses user account control"
        else:
            service = f"{self._craft.pick('service_names')}"
            console = self._console(at, implant)
            path = f"{self._craft.folder}\\{self._craft.service_binary}"
            machine.created(at + SECOND, implant.process, path)
            machine.spawn(at + 4 * SECOND, "sc", f'config "{service}" binPath= "{path}" obj= LocalSystem', console)
            machine.spawn(at + 9 * SECOND, "sc", f'start "{service}"', console)
            worked, technique, what = self._rng.random() < 0.75, "T1574.011", "replaces the program of a weak service"
            if worked:
                image = implant.process.program.elsewhere(path)
                implant.process = machine.spawn(at + 11 * SECOND, image, "", machine.standing("services"))
                implant.system, implant.logon = True, machine.system
        self._truth.note(at, implant.host, technique, "privilege-escalation", what, ok=worked)
        implant.admin = implant.admin or worked
        return worked

    def dump(self, at: int, implant: Implant) -> list[Credential] | Failure:
        """LSASS's memory into a file (comsvcs.dll or Task Manager), and the credentials in it."""
        if failure := silent(self._estate, implant):
            return failure
        if not implant.admin:
            return Failure.DENIED
        machine = implant.machine
        lsass = machine.standing("lsass")
        if self._craft.dumps_by == "taskmgr":
            profile = "C:\\Windows" if implant.system else f"C:\\Users\\{implant.logon.account}\\AppData\\Local"
            path = f"{profile}\\Temp\\lsass.DMP"
            tool = machine.spawn(at, "taskmgr", "/4", self._console(at, implant), integrity="High")
        else:
            path = f"{self._craft.folder}\\{self._craft.pick('dumps')}"
            arguments = self._craft.pick("comsvcs", pid=lsass.pid, path=path)
            tool = machine.spawn(at + SECOND, "rundll32", arguments, self._console(at, implant))
        machine.accessed(
            at + SECOND + 140, tool, lsass, "0x1fffff", _DUMP_TRACE.format(caller=_DUMP_CALLERS[self._craft.dumps_by])
        )
        machine.created(at + SECOND + 400, tool, path)
        self._truth.note(at, implant.host, "T1003.001", "credential-access", "dumps LSASS")
        return [credential for _, credential in sorted(machine.memory.items())]

    def roast(self, at: int, implant: Implant, services: list[str]) -> dict[str, Credential] | Failure:
        """Service tickets with RC4, to be cracked at home: what a weak password will yield, sooner or later."""
        if failure := silent(self._estate, implant):
            return failure
        yielded: dict[str, Credential] = {}
        account = f"{implant.machine.host.short}$" if implant.system else implant.logon.account
        for number, service in enumerate(services):
            self._estate.service_ticket(at + 700 * number, implant.machine, account, service, encryption="0x17")
            if self._estate.bank.accounts[service].weak_password:
                yielded[service] = self._estate.directory.current(service)
        self._truth.note(at, implant.host, "T1558.003", "credential-access", "asks for service tickets to crack")
        return yielded if self._estate.controller(implant.machine) else {}

    def blind(self, at: int, implant: Implant) -> Failure | None:
        """Turn Defender off."""
        if failure := silent(self._estate, implant):
            return failure
        if not implant.admin:
            return Failure.DENIED
        self.disable_defender(at, implant, self._console(at, implant))
        return None

    def disable_defender(self, at: int, implant: Implant, console: Process) -> None:
        machine = implant.machine
        name, arguments = self._craft.command("defender_off")
        tool = machine.spawn(at + SECOND, name, arguments, console)
        if name == "reg":
            key, option = arguments.split('"')[1], arguments.split("/v ")[1].split()[0]
            machine.registry(at + SECOND + 50, tool, f"{key}\\{option}", "DWORD (0x00000001)")
        elif "Exclusion" in arguments:
            key = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\"
            machine.registry(at + SECOND + 900, machine.standing("defender"), key, "DWORD (0x00000000)")
        else:
            key = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Real-Time Protection\\DisableRealtimeMonitoring"
            machine.registry(at + SECOND + 900, machine.standing("defender"), key, "DWORD (0x00000001)")
        self._truth.note(at, implant.host, "T1685", "defense-impairment", "turns Defender off")

    def _console(self, at: int, implant: Implant) -> Process:
        integrity = "System" if implant.system else ("High" if implant.admin else "Medium")
        return implant.machine.spawn(at, "cmd", "", implant.process, logon=implant.logon, integrity=integrity)
