"""What the crew knows: footholds, credentials, hosts. Only ever filled from replies."""

from dataclasses import dataclass, field

from cyberrange.attack.implants import Failure, Implant
from cyberrange.directory import Credential

_BURNT = (Failure.DISABLED, Failure.WRONG_PASSWORD)
_LOST_AFTER = 3
# How promising a name sounds, as any intruder would read it.
_PROMISING_ACCOUNTS = ("adm", "svc", "hd")
_PROMISING_HOSTS = ("dc", "jump", "backup", "fs", "upd", "hd0")


@dataclass(slots=True, eq=False)
class Held:
    """A foothold."""

    implant: Implant
    done: set[str] = field(default_factory=set[str])
    escalations: int = 0
    missed: int = 0
    """Check-ins missed in a row."""

    @property
    def host(self) -> str:
        return self.implant.host


@dataclass(slots=True)
class Knowledge:
    held: dict[str, Held] = field(default_factory=dict[str, Held])
    credentials: dict[str, Credential] = field(default_factory=dict[str, Credential])
    burnt: set[Credential] = field(default_factory=set[Credential])
    proved: set[str] = field(default_factory=set[str])
    """Accounts that turned out to be administrators somewhere."""
    hosts: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    services: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Service accounts and the hosts that they run on."""
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    tried: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    """(from, account, to) that failed."""

    def learn(self, credentials: list[Credential]) -> None:
        for credential in credentials:
            if credential not in self.burnt:
                self.credentials[credential.account] = credential

    def failed(self, source: str, credential: Credential, target: str, failure: Failure) -> bool:
        """Remember a failure; true where it shows that a credential, once good, has been taken away."""
        self.tried.add((source, credential.account, target))
        if failure in _BURNT and self.credentials.get(credential.account) == credential:
            del self.credentials[credential.account]
            self.burnt.add(credential)
            return True
        return False

    def lose_silent(self) -> list[str]:
        """Give up footholds that missed several check-ins; returns their hosts."""
        lost = [host for host, held in self.held.items() if held.missed >= _LOST_AFTER]
        for host in lost:
            del self.held[host]
        return lost

    def answering(self) -> list[Held]:
        """Footholds that answered last time, the most promising first."""
        return sorted((h for h in self.held.values() if not h.missed), key=lambda h: promise(h.host, _PROMISING_HOSTS))

    def useful(self) -> list[Credential]:
        """Credentials by promise: domain administrators, then others that proved or sound privileged."""
        return sorted(
            self.credentials.values(),
            key=lambda c: (
                c.account not in self.admins,
                c.account not in self.proved,
                promise(c.account, _PROMISING_ACCOUNTS),
                c.account,
            ),
        )

    def worth_having(self, accounts: tuple[str, ...]) -> bool:
        """Whether a session among these sounds privileged and is not yet in hand."""
        return any(
            account not in self.credentials
            and (account in self.admins or promise(account, _PROMISING_ACCOUNTS) < len(_PROMISING_ACCOUNTS))
            for account in accounts
        )

    def unseen(self, source: str, account: str) -> list[str]:
        """Hosts where an account might be an administrator, to ask from ``source``; the likeliest first."""
        if account in self.services:
            likely = self.services[account]
        elif promise(account, _PROMISING_ACCOUNTS) < len(_PROMISING_ACCOUNTS):
            likely = self.hosts
        else:
            likely = tuple(host for host in self.hosts if _site(host) == _site(source))
        open_ = [
            host
            for host in likely
            if host not in self.seen and host not in self.held and (source, account, host) not in self.tried
        ]
        return sorted(open_, key=lambda host: _site(host) != _site(source))

    def master(self) -> Credential | None:
        """A domain administrator's credential."""
        return next((c for c in self.useful() if c.account in self.admins), None)


def promise(name: str, prefixes: tuple[str, ...]) -> int:
    return next((rank for rank, prefix in enumerate(prefixes) if name.startswith(prefix)), len(prefixes))


def _site(host: str) -> str:
    """The part of a name that tells where a workstation stands."""
    return host.split("-")[0]
