"""What runs by itself on every host: scheduled tasks, Defender, the management agent, policy, service accounts."""

import base64
import random

from cyberrange.clock import HOUR, MINUTE, SECOND
from cyberrange.data import load
from cyberrange.directory import Answer
from cyberrange.estate import NETWORK, SERVICE, Estate
from cyberrange.machine import Machine
from cyberrange.network import HTTPS, SMB
from cyberrange.schedule import Deed

_PAUSE = 75 * SECOND
_BENIGN_TRACE = "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2c0fe"


def encoded(script: str) -> str:
    """A script as PowerShell's ``-EncodedCommand`` takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


class SystemServices:
    def __init__(self, estate: Estate, machine: Machine) -> None:
        self._estate = estate
        self._machine = machine
        self._rng = random.Random(f"{estate.seed}/{machine.host.name}/system")
        self._habits = load("background")
        self._every(_PAUSE, self._task)
        self._every(50 * MINUTE, self._policy)
        self._every(3 * HOUR, self._agent_script)
        if machine.host.role == "workstation":
            self._update_at = estate.opening + self._rng.randrange(30 * MINUTE, 8 * HOUR)
            estate.schedule.at(self._update_at, self._update)
        elif machine.host.role == "backup-server":
            self._every(55 * MINUTE, self._backup)
        elif machine.host.role == "payment-gateway":
            self._every(40 * SECOND, self._payments)
        for account in estate.bank.accounts.values():
            if account.kind == "service" and machine.host.name in account.hosts:
                machine.memory[account.name] = estate.directory.current(account.name)

    def _every(self, mean: int, deed: Deed) -> None:
        def again(at: int) -> None:
            if self._machine.state == "encrypted":
                return
            deed(at)
            self._estate.schedule.at(at + SECOND + round(self._rng.expovariate(1 / mean)), again)

        self._estate.schedule.at(self._estate.opening + round(self._rng.random() * mean), again)

    def _task(self, at: int) -> None:
        machine, rng = self._machine, self._rng
        parent, program, arguments = rng.choice(self._habits["system_tasks"])
        started = machine.spawn(
            at, program, arguments, machine.standing(parent), logon=machine.system, integrity="System"
        )
        roll = rng.random()
        if roll < 0.3:
            key = rng.choice(self._habits["registry"]).format(sid=machine.user.sid if machine.user else "S-1-5-18")
            machine.registry(at + 200, machine.standing("svchost"), key, "QWORD (0x01dab3f2-0x3f2eebc3)")
        elif roll < 0.55 and self._estate.network.internet(machine.host):
            name, address = rng.choice(self._habits["system_names"])
            machine.resolved(at + 100, machine.standing("svchost"), name, address)
            machine.connected(at + 140, machine.standing("svchost"), address, 443, name)
        elif roll < 0.7:
            source, mask = rng.choice(self._habits["handles"])
            reader = started if source == "wmiprvse" else machine.standing(source)
            machine.accessed(at + 60, reader, machine.standing("lsass"), mask, _BENIGN_TRACE)
        elif roll < 0.8:
            path = f"C:\\ProgramData\\Microsoft\\Windows Defender\\Scans\\mpcache-{rng.getrandbits(32):08X}.bin"
            machine.created(at + 300, machine.standing("defender"), path)

    def _policy(self, at: int) -> None:
        """Group policy: the host's own account reads SYSVOL."""
        dc = self._estate.controller(self._machine)
        if dc is None or dc is self._machine:
            return
        self._estate.service_ticket(at, self._machine, f"{self._machine.host.short}$", "cifs")
        path = f"{self._estate.bank.domain}\\Policies\\{{31B2F340-016D-11D2-945F-00C04FB984F9}}\\gpt.ini"
        address = self._machine.host.address
        self._estate.share(at + 30, dc, self._machine.system, address, "SYSVOL", path, "0x1")

    def _agent_script(self, at: int) -> None:
        """The management agent runs a compliance script, encoded as such agents do."""
        machine = self._machine
        script = encoded(self._rng.choice(self._habits["agent_scripts"]))
        agent = machine.spawn(at, "ccmexec", "", machine.standing("services"), integrity="System")
        arguments = f"-NoLogo -NonInteractive -NoProfile -ExecutionPolicy AllSigned -EncodedCommand {script}"
        machine.spawn(at + 900, "powershell", arguments, agent)

    def _update(self, at: int) -> None:
        """A software update from the distribution server."""
        machine = self._machine
        server = self._estate.by_role("update-server")[0]
        if machine.state == "encrypted" or not self._estate.network.connects(machine.host, server.host, HTTPS):
            return
        agent = machine.spawn(at, "ccmexec", "", machine.standing("services"), integrity="System")
        machine.connected(at + 40, agent, server.host.address, 443, server.host.name)
        package = f"C:\\Windows\\ccmcache\\{self._rng.randrange(1, 40):x}\\setup.msi"
        machine.created(at + 5 * SECOND, agent, package)
        installer = machine.spawn(at + 9 * SECOND, "msiexec", f'/i "{package}" /qn /norestart', agent)
        for number in range(self._rng.randrange(3, 12)):
            path = f"C:\\Program Files\\Adobe\\Acrobat DC\\Acrobat\\plug_ins\\module{number}.api"
            machine.created(at + 12 * SECOND + 400 * number, installer, path)
        if self._rng.random() < 0.3:
            image = '"C:\\Program Files (x86)\\Common Files\\Adobe\\ARM\\1.0\\armsvc.exe"'
            machine.service_installed(
                at + 20 * SECOND, "AdobeARMservice", image, "LocalSystem", "auto start", machine.system
            )

    def _backup(self, at: int) -> None:
        """The backup account logs on to file servers and reads."""
        machine, estate = self._machine, self._estate
        credential = estate.directory.current("svc-backup")
        session = estate.logon(at, credential, machine, SERVICE)
        if isinstance(session, Answer):
            return
        manager = machine.spawn(at + 500, "veeam", "-incremental", machine.standing("services"), logon=session)
        for number, server in enumerate(estate.by_role("file-server")):
            begin = at + (20 + 90 * number) * SECOND
            if not estate.network.connects(machine.host, server.host, SMB) or server.state == "encrypted":
                continue
            remote = estate.logon(begin, credential, server, NETWORK, address=machine.host.address)
            if isinstance(remote, Answer):
                continue
            for folder in self._habits["folders"]:
                begin += 2 * SECOND
                estate.share(begin, server, remote, machine.host.address, "share", f"{folder}\\*", "0x1")
            machine.created(begin + SECOND, manager, f"E:\\Backup\\{server.host.short}_{at}.vib")
        if self._rng.random() < 0.12:  # keeping disk space in check: odd to a detector, routine here
            shell = machine.spawn(at + 240 * SECOND, "cmd", "/c C:\\Backup\\rotate.cmd", manager)
            machine.spawn(at + 241 * SECOND, "vssadmin", "delete shadows /for=E: /oldest /quiet", shell)

    def _payments(self, at: int) -> None:
        machine = self._machine
        core = self._estate.by_role("core-banking-front")[0]
        if self._estate.network.connects(machine.host, core.host, HTTPS):
            gate = machine.spawn(at, "zengate", f"--batch {at // SECOND}", machine.standing("services"))
            machine.connected(at + 80, gate, core.host.address, 443, core.host.name)
