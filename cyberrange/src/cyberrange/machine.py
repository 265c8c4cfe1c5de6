"""A Windows host at run time: processes, logon sessions, what LSASS remembers; it reports what happens to Sysmon."""

import hashlib
import random
from dataclasses import dataclass
from functools import cache

from cyberrange.bank import Bank, Host
from cyberrange.clock import sysmon_time
from cyberrange.data import load
from cyberrange.directory import Credential
from cyberrange.telemetry import Fields, Log, Telemetry

SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Program:
    """An executable and its version resource, which Sysmon reports."""

    image: str
    original: str = "-"
    description: str = "-"
    product: str = "-"
    company: str = "-"
    version: str = "-"

    @property
    def file_name(self) -> str:
        return self.image.rsplit("\\", 1)[-1]

    def elsewhere(self, image: str) -> "Program":
        """The same executable under another path."""
        return Program(image, self.original, self.description, self.product, self.company, self.version)


@cache
def program(key: str) -> Program:
    """A program that is installed in the bank (data/programs.json)."""
    return Program(**load("programs")[key])


@cache
def hashes(of: Program) -> str:
    """Sysmon's ``Hashes``: the same software has the same hashes wherever it lies."""
    content = repr((of.original, of.description, of.version, "" if of.original != "-" else of.image)).encode()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest().upper()
    imphash = hashlib.md5(content + b"imports", usedforsecurity=False).hexdigest().upper()
    return f"MD5={md5},SHA256={hashlib.sha256(content).hexdigest().upper()},IMPHASH={imphash}"


@dataclass(slots=True, eq=False)
class Logon:
    """A logon session on one host."""

    account: str
    """Account name, or SYSTEM for the host itself."""
    user: str
    """``DOMAIN\\name``, as Sysmon writes it."""
    id: str
    """``0x…``."""
    guid: str
    sid: str
    type: int
    integrity: str
    terminal: int


@dataclass(slots=True, eq=False)
class Process:
    program: Program
    guid: str
    pid: int
    command: str
    logon: Logon
    integrity: str


class Machine:
    """One host. Its ``rng`` numbers processes, ports and sessions; it never decides what happens."""

    def __init__(self, host: Host, bank: Bank, telemetry: Telemetry, *, seed: int, opening: int) -> None:
        self.host = host
        self.bank = bank
        self.state = "clean"
        """``clean``, ``compromised``, ``encrypting``, ``encrypted``."""
        self.since = opening
        """When the state began."""
        self.memory: dict[str, Credential] = {}
        """What LSASS holds: credentials of interactive, remote-interactive and service logons since boot."""
        self.user: Logon | None = None
        """Who sits at it."""
        self.event_name = f"{host.short}.{bank.domain}"
        """Its name in events: the NetBIOS part in capitals, as Windows writes it."""
        self.rng = random.Random(f"{seed}/{host.name}/ids")
        self._telemetry = telemetry
        self._serial = 0x400000 + self.rng.randrange(1 << 20)
        self._machine_guid = f"{self.rng.getrandbits(32):08x}"
        self.system = Logon(SYSTEM, "NT AUTHORITY\\SYSTEM", "0x3e7", self._guid(opening), "S-1-5-18", 0, "System", 0)
        self._standing: dict[str, Process] = {}
        for key in ("wininit", "services", "lsass", "defender"):
            self._standing[key] = self._process(opening, program(key), program(key).image, self.system, "System")
        svchost = program("svchost")
        self._standing["svchost"] = self._process(
            opening, svchost, f"{svchost.image} -k netsvcs -p", self.system, "System"
        )

    def standing(self, key: str) -> Process:
        """A process that has run since boot: wininit, services, lsass, svchost, defender."""
        return self._standing[key]

    def session(self, at: int, account: str, sid: str, logon_type: int, *, elevated: bool) -> Logon:
        """A new logon session (the Security events are the estate's)."""
        return Logon(
            account,
            f"{self.bank.netbios}\\{account}",
            f"0x{self.rng.randrange(0x50000, 0xFFFFFF):x}",
            self._guid(at),
            sid,
            logon_type,
            "High" if elevated else "Medium",
            {2: 1, 10: 2, 7: 1}.get(logon_type, 0),
        )

    def spawn(
        self,
        at: int,
        what: Program | str,
        arguments: str,
        parent: Process,
        *,
        logon: Logon | None = None,
        integrity: str = "",
        directory: str = "",
    ) -> Process:
        """Start a program, as the parent's user unless ``logon`` says otherwise (Sysmon 1)."""
        of = program(what) if isinstance(what, str) else what
        logon = logon or parent.logon
        command = f'"{of.image}" {arguments}'.rstrip() if " " in of.image else f"{of.image} {arguments}".rstrip()
        child = self._process(at, of, command, logon, integrity or parent.integrity)
        self._sysmon(
            at,
            1,
            child,
            {
                "FileVersion": of.version,
                "Description": of.description,
                "Product": of.product,
                "Company": of.company,
                "OriginalFileName": of.original,
                "CommandLine": command,
                "CurrentDirectory": directory or "C:\\Windows\\system32\\",
                "LogonGuid": logon.guid,
                "LogonId": logon.id,
                "TerminalSessionId": str(logon.terminal),
                "IntegrityLevel": child.integrity,
                "Hashes": hashes(of),
                "ParentProcessGuid": parent.guid,
                "ParentProcessId": str(parent.pid),
                "ParentImage": parent.program.image,
                "ParentCommandLine": parent.command,
                "ParentUser": parent.logon.user,
            },
        )
        return child

    def connected(
        self, at: int, process: Process, address: str, port: int, name: str = "-", *, inbound_from: str = ""
    ) -> None:
        """A TCP connection of a process (Sysmon 3); ``inbound_from`` turns it round."""
        here, there = (self.host.address, address) if not inbound_from else (inbound_from, self.host.address)
        self._sysmon(
            at,
            3,
            process,
            {
                "Protocol": "tcp",
                "Initiated": "false" if inbound_from else "true",
                "SourceIsIpv6": "false",
                "SourceIp": here,
                "SourceHostname": self.event_name if not inbound_from else "-",
                "SourcePort": str(self.port()),
                "SourcePortName": "-",
                "DestinationIsIpv6": "false",
                "DestinationIp": there,
                "DestinationHostname": name,
                "DestinationPort": str(port),
                "DestinationPortName": {443: "https", 445: "microsoft-ds", 389: "ldap", 3389: "ms-wbt-server"}.get(
                    port, "-"
                ),
            },
        )

    def accessed(self, at: int, source: Process, target: Process, mask: str, trace: str) -> None:
        """A handle opened to another process (Sysmon 10)."""
        fields: Fields = {
            "RuleName": "-",
            "UtcTime": sysmon_time(at),
            "SourceProcessGUID": source.guid,
            "SourceProcessId": str(source.pid),
            "SourceThreadId": str(self.rng.randrange(1000, 9000, 4)),
            "SourceImage": source.program.image,
            "TargetProcessGUID": target.guid,
            "TargetProcessId": str(target.pid),
            "TargetImage": target.program.image,
            "GrantedAccess": mask,
            "CallTrace": trace,
            "SourceUser": source.logon.user,
            "TargetUser": target.logon.user,
        }
        self._telemetry.windows(Log.SYSMON, at, self.event_name, 10, fields)

    def created(self, at: int, process: Process, path: str) -> None:
        """A file created or overwritten (Sysmon 11)."""
        self._sysmon(at, 11, process, {"TargetFilename": path, "CreationUtcTime": sysmon_time(at)})

    def registry(self, at: int, process: Process, key: str, details: str) -> None:
        """A registry value set (Sysmon 13)."""
        self._sysmon(at, 13, process, {"EventType": "SetValue", "TargetObject": key, "Details": details})

    def pipe(self, at: int, process: Process, name: str, *, connect: bool) -> None:
        """A named pipe created (Sysmon 17) or connected to (Sysmon 18)."""
        verb = "ConnectPipe" if connect else "CreatePipe"
        self._sysmon(at, 18 if connect else 17, process, {"EventType": verb, "PipeName": name})

    def resolved(self, at: int, process: Process, name: str, address: str) -> None:
        """A DNS query answered (Sysmon 22)."""
        results = f"::ffff:{address};" if address else "-"
        status = "0" if address else "9003"
        self._sysmon(at, 22, process, {"QueryName": name, "QueryStatus": status, "QueryResults": results})

    def security(self, at: int, event_id: int, fields: Fields) -> None:
        self._telemetry.windows(Log.SECURITY, at, self.event_name, event_id, fields)

    def service_installed(self, at: int, name: str, path: str, account: str, start: str, installer: Logon) -> None:
        """System 7045 and the registry writes of services.exe (Sysmon 13)."""
        key = f"HKLM\\System\\CurrentControlSet\\Services\\{name}"
        services = self.standing("services")
        self.registry(at, services, f"{key}\\Start", "DWORD (0x00000003)")
        self.registry(at, services, f"{key}\\ImagePath", path)
        fields: Fields = {
            "ServiceName": name,
            "ImagePath": path,
            "ServiceType": "user mode service",
            "StartType": start,
            "UserID": installer.sid,
            "AccountName": account,
        }
        self._telemetry.windows(Log.SYSTEM, at + 3, self.event_name, 7045, fields)

    def log_cleared(self, at: int, log: str, who: Logon) -> None:
        """Security 1102, or System 104 for any other log."""
        subject: Fields = {
            "SubjectUserSid": who.sid,
            "SubjectUserName": who.account,
            "SubjectDomainName": self.bank.netbios,
            "SubjectLogonId": who.id,
        }
        if log == "Security":
            self._telemetry.windows(Log.EVENTLOG, at, self.event_name, 1102, subject)
        else:
            cleared: Fields = {**subject, "BackupPath": ""}
            self._telemetry.windows(Log.SYSTEM_EVENTLOG, at, self.event_name, 104, cleared)

    def port(self) -> int:
        """An ephemeral port."""
        return self.rng.randrange(49_152, 65_535)

    def _sysmon(self, at: int, event_id: int, process: Process, fields: Fields) -> None:
        common: Fields = {
            "RuleName": "-",
            "UtcTime": sysmon_time(at),
            "ProcessGuid": process.guid,
            "ProcessId": str(process.pid),
            "Image": process.program.image,
            "User": process.logon.user,
        }
        self._telemetry.windows(Log.SYSMON, at, self.event_name, event_id, {**common, **fields})

    def _process(self, at: int, of: Program, command: str, logon: Logon, integrity: str) -> Process:
        return Process(of, self._guid(at), self.rng.randrange(800, 32_000, 4), command, logon, integrity)

    def _guid(self, at: int) -> str:
        self._serial += 1
        seconds = f"{at // 1000:08x}"
        serial = f"{self._serial:08x}"
        return f"{{{self._machine_guid}-{seconds[4:]}-{seconds[:4]}-{serial[:4]}-{serial[4:]}00000400}}"
