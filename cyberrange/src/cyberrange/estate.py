"""The bank at run time: machines, network, directory, and the logons between them with all the events they leave."""

from pathlib import Path

from cyberrange.bank import DOMAIN_ADMINS, Account, Bank, Host
from cyberrange.clock import MINUTE
from cyberrange.directory import Answer, Credential, Directory
from cyberrange.machine import Logon, Machine
from cyberrange.network import Network
from cyberrange.schedule import Schedule
from cyberrange.telemetry import Fields, Telemetry

INTERACTIVE, NETWORK, SERVICE, UNLOCK, REMOTE = 2, 3, 5, 7, 10
_REMEMBERED = {INTERACTIVE, SERVICE, REMOTE}
_NO_SUBJECT: Fields = {
    "SubjectUserSid": "S-1-0-0",
    "SubjectUserName": "-",
    "SubjectDomainName": "-",
    "SubjectLogonId": "0x0",
}
_PRIVILEGES = "\r\n\t\t\t".join(
    f"Se{name}Privilege"
    for name in ("Security", "Backup", "Restore", "TakeOwnership", "Debug", "SystemEnvironment", "Impersonate")
)
# NTSTATUS and Sub status of a refused logon, its FailureReason, and the Kerberos error of the domain controller.
_REFUSALS = {
    Answer.WRONG_PASSWORD: ("0xc000006d", "0xc000006a", "%%2313", "0x18"),
    Answer.DISABLED: ("0xc000006e", "0xc0000072", "%%2310", "0x12"),
    Answer.UNKNOWN: ("0xc000006d", "0xc0000064", "%%2313", "0x6"),
}


class Estate:
    """Everything that exists in the simulation. ``seed`` and the calls made decide all of it."""

    def __init__(self, bank: Bank, folder: Path, *, seed: int, opening: int) -> None:
        self.bank = bank
        self.seed = seed
        self.opening = opening
        self.telemetry = Telemetry(folder)
        self.network = Network(bank)
        self.directory = Directory(bank)
        self.schedule = Schedule()
        self.machines = {
            host.name: Machine(host, bank, self.telemetry, seed=seed, opening=opening - 90 * MINUTE)
            for host in bank.hosts.values()
        }
        self._controllers = [self.machines[host.name] for host in bank.role("domain-controller")]

    def by_role(self, role: str) -> list[Machine]:
        return [self.machines[host.name] for host in self.bank.role(role)]

    def usable(self, logon: Logon) -> bool:
        """Whether a session can still act on the network: its account must be enabled."""
        return logon.account not in self.bank.accounts or self.directory.enabled(logon.account)

    def controller(self, machine: Machine) -> Machine | None:
        """The domain controller that answers a host, if it can reach one."""
        here = machine.host
        reachable = (dc for dc in self._controllers if self.network.connects(here, dc.host, "directory"))
        usable = [dc for dc in reachable if dc.state != "encrypted"]
        return usable[sum(here.address.encode()) % len(usable)] if usable else None

    def logon(
        self,
        at: int,
        credential: Credential,
        target: Machine,
        kind: int,
        *,
        address: str = "-",
        workstation: str = "-",
        ntlm: bool = False,
    ) -> Logon | Answer:
        """Log on to ``target``: 4624 (and 4672) or 4625 there, 4768/4769 or 4776 at the domain controller.

        ``address`` is where a remote logon comes from. Whether the network lets it through is the caller's question.
        """
        dc = self.controller(target)
        answer = self.directory.check(credential)
        account = self.bank.accounts.get(credential.account)
        if dc is not None:
            origin = target.host.address if address == "-" else address
            self._at_controller(at, dc, credential.account, target, answer, origin, workstation, ntlm=ntlm, kind=kind)
        if answer is not Answer.OK or account is None:
            self._refused(at + 9, credential.account, target, kind, answer, address, workstation, ntlm=ntlm)
            return answer
        elevated = target.host.name in account.admin_on and kind != INTERACTIVE
        session = target.session(at, account.name, account.sid, kind, elevated=elevated)
        process = {INTERACTIVE: "User32 ", UNLOCK: "User32 ", REMOTE: "User32 ", SERVICE: "Advapi  "}.get(kind)
        package = "NTLM" if ntlm else ("Kerberos" if kind == NETWORK else "Negotiate")
        running = "C:\\Windows\\System32\\svchost.exe" if kind in (INTERACTIVE, UNLOCK, REMOTE) else "-"
        subject = self._machine_subject(target) if kind != NETWORK else _NO_SUBJECT
        target.security(
            at + 11,
            4624,
            {
                **subject,
                "TargetUserSid": account.sid,
                "TargetUserName": account.name,
                "TargetDomainName": self.bank.netbios,
                "TargetLogonId": session.id,
                "LogonType": str(kind),
                "LogonProcessName": process or ("NtLmSsp " if ntlm else "Kerberos"),
                "AuthenticationPackageName": package,
                "WorkstationName": workstation if workstation != "-" or kind == NETWORK else target.host.short,
                "LogonGuid": session.guid,
                "TransmittedServices": "-",
                "LmPackageName": "NTLM V2" if ntlm else "-",
                "KeyLength": "128" if ntlm else "0",
                "ProcessId": "0x0" if running == "-" else f"0x{target.standing('svchost').pid:x}",
                "ProcessName": running,
                "IpAddress": address if address != "-" else ("127.0.0.1" if kind == INTERACTIVE else "-"),
                "IpPort": "0" if address == "-" else str(target.port()),
                "ImpersonationLevel": "%%1833",
                "RestrictedAdminMode": "-",
                "TargetOutboundUserName": "-",
                "TargetOutboundDomainName": "-",
                "VirtualAccount": "%%1843",
                "TargetLinkedLogonId": "0x0",
                "ElevatedToken": "%%1842" if elevated else "%%1843",
            },
        )
        if elevated:
            privileges = {**self._subject(session), "PrivilegeList": _PRIVILEGES}
            target.security(at + 12, 4672, privileges)
        if kind in _REMEMBERED:
            target.memory[account.name] = credential
        return session

    def explicit(
        self, at: int, source: Machine, who: Logon, credential: Credential, target: Host, program: str
    ) -> None:
        """A logon with credentials other than the session's own, as the source host sees it (4648)."""
        source.security(
            at,
            4648,
            {
                **self._subject(who),
                "LogonGuid": who.guid,
                "TargetUserName": credential.account,
                "TargetDomainName": self.bank.netbios,
                "TargetLogonGuid": "{00000000-0000-0000-0000-000000000000}",
                "TargetServerName": f"{target.short}.{self.bank.domain}",
                "TargetInfo": f"{target.short}.{self.bank.domain}",
                "ProcessId": f"0x{source.rng.randrange(0x400, 0x7000, 4):x}",
                "ProcessName": program,
                "IpAddress": "-",
                "IpPort": "-",
            },
        )

    def share(self, at: int, server: Machine, who: Logon, address: str, share: str, path: str, mask: str) -> None:
        """A file of a share opened (5145)."""
        local = {"IPC$": "-", "ADMIN$": "\\??\\C:\\Windows", "SYSVOL": "\\??\\C:\\Windows\\SYSVOL\\sysvol"}
        fields: Fields = {
            **self._subject(who),
            "ObjectType": "File",
            "IpAddress": address,
            "IpPort": str(server.port()),
            "ShareName": f"\\\\*\\{share}",
            "ShareLocalPath": local.get(share, f"\\??\\D:\\{share}"),
            "RelativeTargetName": path,
            "AccessMask": mask,
            "AccessList": "%%4416\r\n\t\t\t\t" if mask == "0x1" else "%%4416\r\n\t\t\t\t%%4417\r\n\t\t\t\t",
            "AccessReason": "-",
        }
        server.security(at, 5145, fields)

    def service_ticket(self, at: int, client: Machine, account: str, service: str, *, encryption: str = "0x12") -> None:
        """A Kerberos service ticket asked for (4769). ``0x17`` is RC4, ``0x12`` AES-256."""
        dc = self.controller(client)
        if dc is None:
            return
        known = self.bank.accounts.get(service)
        fields: Fields = {
            "TargetUserName": f"{account}@{self.bank.domain.upper()}",
            "TargetDomainName": self.bank.domain.upper(),
            "ServiceName": service,
            "ServiceSid": known.sid if known else f"{self.bank.domain_sid}-1001",
            "TicketOptions": "0x40810000",
            "TicketEncryptionType": encryption,
            "IpAddress": f"::ffff:{client.host.address}",
            "IpPort": str(client.port()),
            "Status": "0x0",
            "LogonGuid": "{00000000-0000-0000-0000-000000000000}",
            "TransmittedServices": "-",
        }
        dc.security(at, 4769, fields)

    def reset_password(self, at: int, operator: Account, account: Account) -> Credential:
        """A helpdesk operator sets a new password: 4724 and 4738 at a domain controller."""
        dc = self._controllers[0]
        subject: Fields = {
            "TargetUserName": account.name,
            "TargetDomainName": self.bank.netbios,
            "TargetSid": account.sid,
            "SubjectUserSid": operator.sid,
            "SubjectUserName": operator.name,
            "SubjectDomainName": self.bank.netbios,
            "SubjectLogonId": f"0x{dc.rng.randrange(0x50000, 0xFFFFFF):x}",
        }
        dc.security(at, 4724, subject)
        unchanged = ("SamAccountName", "DisplayName", "UserPrincipalName", "HomeDirectory", "ScriptPath", "ProfilePath")
        changed: Fields = {
            "Dummy": "-",
            **subject,
            "PrivilegeList": "-",
            **dict.fromkeys(unchanged, "-"),
            "PasswordLastSet": "%%1794",
            "AccountExpires": "-",
            "PrimaryGroupId": "-",
            "OldUacValue": "-",
            "NewUacValue": "-",
            "UserAccountControl": "-",
            "SidHistory": "-",
            "LogonHours": "-",
        }
        dc.security(at + 6, 4738, changed)
        return self.directory.reset(account.name)

    def is_domain_admin(self, account: str) -> bool:
        return DOMAIN_ADMINS in self.bank.accounts[account].groups

    def _subject(self, who: Logon) -> Fields:
        domain, _, name = who.user.partition("\\")
        return {
            "SubjectUserSid": who.sid,
            "SubjectUserName": name,
            "SubjectDomainName": domain,
            "SubjectLogonId": who.id,
        }

    def _machine_subject(self, machine: Machine) -> Fields:
        return {
            "SubjectUserSid": "S-1-5-18",
            "SubjectUserName": f"{machine.host.short}$",
            "SubjectDomainName": self.bank.netbios,
            "SubjectLogonId": "0x3e7",
        }

    def _at_controller(
        self,
        at: int,
        dc: Machine,
        account: str,
        target: Machine,
        answer: Answer,
        origin: str,
        workstation: str,
        *,
        ntlm: bool,
        kind: int,
    ) -> None:
        if ntlm:
            status = "0x0" if answer is Answer.OK else _REFUSALS[answer][1]
            fields: Fields = {
                "PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
                "TargetUserName": account,
                "Workstation": workstation,
                "Status": status,
            }
            dc.security(at, 4776, fields)
        elif kind == NETWORK and answer is Answer.OK:
            self.service_ticket(at, target, account, f"{target.host.short}$")
        else:
            known = self.bank.accounts.get(account)
            ticket: Fields = {
                "TargetUserName": account,
                "TargetDomainName": self.bank.netbios,
                "TargetSid": known.sid if known else "S-1-0-0",
                "ServiceName": "krbtgt",
                "ServiceSid": f"{self.bank.domain_sid}-502",
                "TicketOptions": "0x40810010",
                "Status": "0x0" if answer is Answer.OK else _REFUSALS[answer][3],
                "TicketEncryptionType": "0x12" if answer is Answer.OK else "0xffffffff",
                "PreAuthType": "2",
                "IpAddress": f"::ffff:{origin}",
                "IpPort": str(dc.port()),
                "CertIssuerName": "",
                "CertSerialNumber": "",
                "CertThumbprint": "",
            }
            dc.security(at, 4768, ticket)

    def _refused(
        self,
        at: int,
        account: str,
        target: Machine,
        kind: int,
        answer: Answer,
        address: str,
        workstation: str,
        *,
        ntlm: bool,
    ) -> None:
        status, sub_status, reason, _ = _REFUSALS[answer]
        fields: Fields = {
            **(self._machine_subject(target) if kind != NETWORK else _NO_SUBJECT),
            "TargetUserSid": "S-1-0-0",
            "TargetUserName": account,
            "TargetDomainName": self.bank.netbios,
            "Status": status,
            "FailureReason": reason,
            "SubStatus": sub_status,
            "LogonType": str(kind),
            "LogonProcessName": "NtLmSsp " if ntlm else "User32 ",
            "AuthenticationPackageName": "NTLM" if ntlm else "Negotiate",
            "WorkstationName": workstation if workstation != "-" else target.host.short,
            "TransmittedServices": "-",
            "LmPackageName": "-",
            "KeyLength": "0",
            "ProcessId": "0x0",
            "ProcessName": "-",
            "IpAddress": address if address != "-" else "127.0.0.1",
            "IpPort": "0",
        }
        target.security(at, 4625, fields)
