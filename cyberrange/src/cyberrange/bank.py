"""The bank on paper: hosts, staff, accounts, groups. Built once from a seed; nothing here changes during a run."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cyberrange.data import load

MIN_HOSTS = 20
MAX_HOSTS = 500
WORKSTATION = "workstation"

VPN_USERS = "VPN Users"
HELPDESK_OPERATORS = "Helpdesk Operators"
DOMAIN_ADMINS = "Domain Admins"


class BankError(ValueError):
    """A bank that cannot be built: one sentence that says what and what to do."""


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    """Lower-case FQDN."""
    role: str
    criticality: str
    """``low``, ``normal``, ``high``, ``vital``."""
    zone: str
    address: str
    users: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    """Business services that it carries."""

    @property
    def short(self) -> str:
        """NetBIOS name."""
        return self.name.split(".")[0].upper()


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    display_name: str
    kind: str
    """``staff``, ``admin``, ``service``."""
    criticality: str
    sid: str
    groups: frozenset[str]
    hosts: tuple[str, ...]
    """Hosts it usually works on."""
    admin_on: frozenset[str]
    """Hosts where it is a local administrator."""
    weak_password: bool = False
    absent: bool = False
    """On leave today."""
    remote: bool = False
    """Works from home today, over the VPN."""


@dataclass(frozen=True, slots=True)
class Bank:
    domain: str
    netbios: str
    domain_sid: str
    hosts: dict[str, Host]
    accounts: dict[str, Account]
    internet: frozenset[str]
    """Zones that reach the internet through the proxy."""
    zones: dict[str, str] = field(default_factory=dict[str, str])
    """Zone to the first three octets of its /24."""

    def role(self, role: str) -> list[Host]:
        return [host for host in self.hosts.values() if host.role == role]

    def member_of(self, group: str) -> list[Account]:
        return [account for account in self.accounts.values() if group in account.groups]

    def owner(self, host: Host) -> Account:
        return self.accounts[host.users[0]]


def build(seed: int, size: int) -> Bank:
    """A bank of ``size`` hosts.

    Raises:
        BankError: fewer than MIN_HOSTS or more than MAX_HOSTS.
    """
    if not MIN_HOSTS <= size <= MAX_HOSTS:
        raise BankError(f"a bank has {MIN_HOSTS} to {MAX_HOSTS} hosts, not {size}: choose --hosts in that range")
    rng = random.Random(f"{seed}/bank")
    plan = load("network")
    zones: dict[str, str] = plan["zones"]
    domain: str = plan["domain"]
    domain_sid = "S-1-5-21-" + "-".join(str(rng.randrange(10**9, 4 * 10**9)) for _ in range(3))
    people = _people(rng)
    addresses = {zone: iter(range(11, 250)) for zone in zones}

    def address(zone: str) -> str:
        return f"{zones[zone]}.{next(addresses[zone])}"

    hosts = {
        (name := f"{server['name']}.{domain}"): Host(
            name=name,
            role=server["role"],
            criticality=server["criticality"],
            zone=server["zone"],
            address=address(server["zone"]),
            services=tuple(server["services"]),
        )
        for server in plan["servers"]
    }
    accounts = _Accounts(rng, domain_sid)
    for zone, number, purpose in _desks(size - len(hosts), plan["branches"]):
        name = f"{zone if zone != 'helpdesk' else 'hd'}-ws-{number:02d}.{domain}"
        users = [accounts.staff(next(people), name, purpose)]
        if purpose == "desk" and rng.random() < 0.2:
            users.append(accounts.staff(next(people), name, "shift"))
        hosts[name] = Host(name, WORKSTATION, "normal", zone, address(zone), tuple(users))
    accounts.privileged(hosts)
    for service in plan["service_accounts"]:
        accounts.service(service, hosts, domain)
    no_internet: list[str] = plan["no_internet"]
    return Bank(domain, plan["netbios"], domain_sid, hosts, accounts.made, frozenset(zones) - set(no_internet), zones)


def _desks(count: int, branches: list[str]) -> Iterator[tuple[str, int, str]]:
    """(zone, number, purpose) of each workstation: 2 of the helpdesk, 2 of administrators, 40 % HQ, rest branches."""
    yield from (("helpdesk", number, "operator") for number in (1, 2))
    yield from (("hq", number, "administrator") for number in (1, 2))
    rest = count - 4
    at_hq = round(rest * 0.4)
    yield from (("hq", 3 + number, "desk") for number in range(at_hq))
    yield from ((branches[n % len(branches)], 1 + n // len(branches), "desk") for n in range(rest - at_hq))


def _people(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Endless (display name in kanji, account name in romaji), no account twice."""
    names = load("names")
    taken: dict[str, int] = {}
    while True:
        kanji, surname = rng.choice(names["surnames"])
        given_kanji, given = rng.choice(names["given"])
        account = f"{given[0]}.{surname}"
        taken[account] = taken.get(account, 0) + 1
        yield f"{kanji} {given_kanji}", account if taken[account] == 1 else f"{account}{taken[account]}"


class _Accounts:
    def __init__(self, rng: random.Random, domain_sid: str) -> None:
        self.made: dict[str, Account] = {}
        self._rng = rng
        self._sids = (f"{domain_sid}-{rid}" for rid in range(1104, 9000))
        self._purpose: dict[str, str] = {}

    def staff(self, person: tuple[str, str], host: str, purpose: str) -> str:
        display, name = person
        day = self._rng.random()
        groups = {"Domain Users"}
        if self._rng.random() < 0.4 or day < 0.22:
            groups.add(VPN_USERS)
        at_desk = purpose == "desk"
        self._add(
            name,
            display,
            "staff",
            "normal",
            groups,
            (host,),
            {host} if self._rng.random() < 0.35 else (),
            absent=at_desk and day < 0.12,
            remote=at_desk and 0.12 <= day < 0.22,
        )
        self._purpose[name] = purpose
        return name

    def privileged(self, hosts: dict[str, Host]) -> None:
        """The second, privileged accounts of helpdesk operators and administrators."""
        workstations = {name for name, host in hosts.items() if host.role == WORKSTATION}
        jump = next(name for name, host in hosts.items() if host.role == "jump-server")
        for name, purpose in self._purpose.items():
            person = self.made[name]
            if purpose == "operator":
                self._add(
                    f"hd-{name.split('.')[1]}",
                    f"{person.display_name} (ヘルプデスク)",
                    "admin",
                    "high",
                    {"Domain Users", HELPDESK_OPERATORS},
                    person.hosts,
                    workstations,
                )
            elif purpose == "administrator":
                self._add(
                    f"adm-{name.split('.')[1]}",
                    f"{person.display_name} (管理者)",
                    "admin",
                    "high",
                    {"Domain Users", DOMAIN_ADMINS},
                    (jump, *person.hosts),
                    set(hosts),
                )

    def service(self, plan: dict[str, object], hosts: dict[str, Host], domain: str) -> None:
        def named(key: str) -> set[str]:
            wanted = plan[key]
            assert isinstance(wanted, list)
            return {
                name for name, host in hosts.items() if name.removesuffix(f".{domain}") in wanted or host.zone in wanted
            }

        self._add(
            str(plan["name"]),
            f"{plan['display_name']} (サービス)",
            "service",
            str(plan["criticality"]),
            {"Domain Users"},
            tuple(sorted(named("hosts"))),
            named("admin_on"),
            weak_password=bool(plan["weak_password"]),
        )

    def _add(
        self,
        name: str,
        display: str,
        kind: str,
        criticality: str,
        groups: set[str],
        hosts: tuple[str, ...],
        admin_on: Iterable[str],
        *,
        weak_password: bool = False,
        absent: bool = False,
        remote: bool = False,
    ) -> None:
        if name in self.made:  # two operators of one surname
            name = f"{name}{len(self.made)}"
        self.made[name] = Account(
            name,
            display,
            kind,
            criticality,
            next(self._sids),
            frozenset(groups),
            hosts,
            frozenset(admin_on),
            weak_password,
            absent,
            remote,
        )
