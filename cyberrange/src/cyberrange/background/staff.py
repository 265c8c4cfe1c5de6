"""Employees at their workstations: logging on, mail, documents, browsing, file shares, the banking front end."""

import random
from collections.abc import Callable

from cyberrange.bank import Account
from cyberrange.clock import HOUR, MINUTE, SECOND, jst
from cyberrange.data import load
from cyberrange.directory import Answer
from cyberrange.estate import INTERACTIVE, NETWORK, REMOTE, UNLOCK, Estate
from cyberrange.machine import Logon, Machine, Process, program
from cyberrange.network import HTTPS, RDP, SMB

_PAUSE = 42 * SECOND
_LUNCH = 12


class Employee:
    """One person; ``shift`` 1 takes over the desk in the afternoon."""

    def __init__(self, estate: Estate, machine: Machine, account: Account, *, shift: int) -> None:
        self._estate = estate
        self._machine = machine
        self._account = account
        self._rng = random.Random(f"{estate.seed}/{account.name}/day")
        self._habits = load("background")
        self._deeds: list[Callable[[int, Logon], None]] = [
            self._mail,
            self._document,
            self._document,
            self._browse,
            self._browse,
            self._share,
            self._share,
            self._front,
            self._front,
            self._settings,
            self._look_away,
        ]
        self._apps: dict[str, Process] = {}
        if account.absent:
            return
        begins = estate.opening + (5 * HOUR if shift else 0) + self._rng.randrange(2 * MINUTE, 40 * MINUTE)
        estate.schedule.at(begins, self._arrive)

    def _arrive(self, at: int) -> None:
        if self._machine.state == "encrypted":
            return
        if self._rng.random() < 0.06:  # a slip of the fingers
            wrong = self._estate.directory.current(self._account.name)
            slip = type(wrong)(wrong.account, wrong.password - 1)
            self._estate.logon(at, slip, self._machine, INTERACTIVE)
            at += 9 * SECOND
        session = self._log_on(at)
        if session is None:
            self._estate.schedule.at(at + self._rng.randrange(5, 30) * MINUTE, self._arrive)
            return
        self._machine.user = session
        winlogon = self._machine.standing("wininit")
        userinit = self._machine.spawn(at + 400, "userinit", "", winlogon, logon=session, integrity=session.integrity)
        shell = self._machine.spawn(at + 900, "explorer", "", userinit)
        self._apps = {"explorer": shell}
        for delay, app, arguments in ((20, "outlook", ""), (31, "teams", "--process-start-args"), (55, "edge", "")):
            self._apps[app] = self._machine.spawn(at + delay * SECOND, app, arguments, shell, integrity="Medium")
        self._estate.schedule.at(at + 2 * MINUTE, lambda now: self._work(now, session))

    def _log_on(self, at: int) -> Logon | None:
        estate, machine = self._estate, self._machine
        credential = estate.directory.current(self._account.name)
        if not self._account.remote:
            answer = estate.logon(at, credential, machine, INTERACTIVE)
            return None if isinstance(answer, Answer) else answer
        if not estate.network.from_vpn(machine.host, RDP):
            return None
        address = f"{estate.bank.zones['vpn']}.{100 + sum(self._account.name.encode()) % 100}"
        laptop = f"KZM-LT-{sum(self._account.name.encode()):04d}"
        gateway = estate.by_role("vpn-gateway")[0]
        estate.logon(at, credential, gateway, NETWORK, address=address, workstation=laptop, ntlm=True)
        at += 4 * SECOND
        answer = estate.logon(at, credential, machine, REMOTE, address=address, workstation=machine.host.short)
        if isinstance(answer, Answer):
            return None
        machine.connected(at + 5, machine.standing("svchost"), address, 3389, inbound_from=address)
        return answer

    def _work(self, at: int, session: Logon) -> None:
        """One thing after another until the session or the workstation is gone."""
        if self._machine.state == "encrypted" or self._machine.user is not session:
            return
        lunch = jst(at).hour == _LUNCH and self._rng.random() < 0.75
        if not lunch:
            self._rng.choice(self._deeds)(at, session)
        if not self._estate.usable(session):
            self._machine.user = None
            self._estate.schedule.at(at + self._rng.randrange(1, 10) * MINUTE, self._arrive)
            return
        self._estate.schedule.at(
            at + SECOND + round(self._rng.expovariate(1 / _PAUSE)), lambda t: self._work(t, session)
        )

    def _mail(self, at: int, session: Logon) -> None:
        outlook = self._apps["outlook"]
        if self._internet(at, outlook, 2) and self._rng.random() < 0.4:
            name = self._new_document()
            folder = f"C:\\Users\\{session.account}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook"
            self._machine.created(at + 900, outlook, f"{folder}\\{self._rng.getrandbits(32):08X}\\{name}")

    def _document(self, at: int, session: Logon) -> None:
        name = self._new_document()
        app = self._habits["office"][name.rsplit(".", 1)[1]]
        folder = self._rng.choice(
            [f"C:\\Users\\{session.account}\\Documents", f"C:\\Users\\{session.account}\\Desktop"]
        )
        started = self._machine.spawn(at, app, f'"{folder}\\{name}"', self._apps["explorer"], integrity="Medium")
        if app != "acrobat":
            self._machine.created(at + 700, started, f"{folder}\\~${name[2:]}")
        if self._rng.random() < 0.5:
            self._machine.created(at + 40 * SECOND, started, f"{folder}\\{name}")

    def _browse(self, at: int, session: Logon) -> None:
        del session
        edge = self._apps["edge"]
        if self._rng.random() < 0.5:
            tab = f"--type=renderer --lang=ja --renderer-client-id={self._rng.randrange(5, 900)} /prefetch:1"
            self._machine.spawn(at, "edge", tab, edge, integrity="Low")
        self._internet(at, edge, self._rng.randrange(len(self._habits["sites"])))

    def _share(self, at: int, session: Logon) -> None:
        servers = self._estate.by_role("file-server")
        server = servers[0] if self._machine.host.zone in ("hq", "helpdesk") else servers[-1]
        if not self._estate.network.connects(self._machine.host, server.host, SMB) or server.state == "encrypted":
            return
        address = self._machine.host.address
        credential = self._estate.directory.current(session.account)
        remote = self._estate.logon(at, credential, server, NETWORK, address=address)
        if isinstance(remote, Answer):
            return
        folder = f"{self._rng.choice(self._habits['folders'])}"
        share = self._rng.choice(self._habits["shares"])
        for number in range(self._rng.randrange(1, 5)):
            path = f"{folder}\\{self._new_document()}"
            mask = "0x2" if self._rng.random() < 0.3 else "0x1"
            self._estate.share(at + 50 + number * 700, server, remote, address, share, path, mask)

    def _front(self, at: int, session: Logon) -> None:
        del session
        if "kbfront" not in self._apps:
            self._apps["kbfront"] = self._machine.spawn(at, "kbfront", "/env:prod", self._apps["explorer"])
        core = self._estate.by_role("core-banking-front")[0]
        if self._estate.network.connects(self._machine.host, core.host, HTTPS):
            self._machine.connected(at + 60, self._apps["kbfront"], core.host.address, 443, core.host.name)
            self._machine.created(at + 900, self._apps["kbfront"], f"C:\\ProgramData\\Kazemachi\\spool\\{at}.tmp")

    def _settings(self, at: int, session: Logon) -> None:
        key = f"HKU\\{session.sid}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs\\MRUListEx"
        self._machine.registry(at, self._apps["explorer"], key, "Binary Data")
        if self._rng.random() < 0.15:  # unpacking an archive: many files by one process
            archive = f"C:\\Users\\{session.account}\\Downloads\\資料_{self._rng.randrange(100)}"
            packer = self._machine.spawn(at, "7zip", f'x "{archive}.zip" -o"{archive}"', self._apps["explorer"])
            for number in range(self._rng.randrange(5, 45)):
                self._machine.created(at + 300 + 90 * number, packer, f"{archive}\\{self._new_document()}")

    def _look_away(self, at: int, session: Logon) -> None:
        """The screen locks; on coming back the password is typed, sometimes wrongly."""
        credential = self._estate.directory.current(session.account)
        if self._rng.random() < 0.12:
            slip = type(credential)(credential.account, credential.password - 1)
            self._estate.logon(at, slip, self._machine, UNLOCK)
        self._estate.logon(at + 4 * SECOND, credential, self._machine, UNLOCK)

    def _internet(self, at: int, process: Process, site: int) -> bool:
        if not self._estate.network.internet(self._machine.host):
            return False
        name, address = self._habits["sites"][site]
        self._machine.resolved(at, process, name, address)
        self._machine.connected(at + 35, process, address, 443, name)
        return True

    def _new_document(self) -> str:
        return self._rng.choice(self._habits["documents"]).format(n=self._rng.randrange(1000))


def shell_of(machine: Machine, session: Logon, at: int) -> Process:
    """An Explorer for a session that somebody opened by remote desktop."""
    userinit = machine.spawn(
        at, "userinit", "", machine.standing("wininit"), logon=session, integrity=session.integrity
    )
    return machine.spawn(at + 500, program("explorer"), "", userinit)
