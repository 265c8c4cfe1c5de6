"""Host isolation on Linux: an nftables table of our own, set over SSH.

The table drops everything but loopback and the management path. That path is open statelessly in both directions: a
rule that let only tracked connections pass would hang the session that sets it. All three hooks drop before the host's
own firewall is asked, and nothing that the host's firewall closes is opened, because an accept here is not final.

Isolation is set in two acts, so that a mistake (an address missing from the management path, a dead line, our own
death) cannot cut a host off for good. First the table is put in place in one transaction, armed by the members of a
set that the kernel itself forgets after ``rollback_after_s``: the dead-man timer needs no process, on either side.
Then a fresh connection, which proves that the management path works under isolation, replaces them by lasting ones; if
the timer was faster, that fails.

A host can lie about itself, and whoever is root on it can take the table away; it does not outlive a reboot. Where the
network can isolate, prefer it.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncssh

from sakimori.core import InputError
from sakimori.records import Action, Command, Effect, Entity, EntityType, from_plain, parse_object
from sakimori.respond.connectors import ConnectorRefused, ConnectorUnreachable
from sakimori.respond.connectors.settings import LinuxHost, NftablesSettings

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TABLE = "inet sakimori"
_NFT = "/usr/sbin/nft"
# The only command lines that are ever sent. Rule sets go in by standard input.
_LOAD = f"{_NFT} -f -"
_LIST_TABLES = f"{_NFT} -j list tables"
_LIST_TABLE = f"{_NFT} -j list table {_TABLE}"

_REMOVE = f"add table {_TABLE}\ndelete table {_TABLE}\n"
_CONFIRM = f"delete element {_TABLE} armed {{ ipv4, ipv6 }}\nadd element {_TABLE} armed {{ ipv4, ipv6 }}\n"
_MOST_ANSWER = 1_000_000
"""Bytes of an answer that are read: a hostile host must not fill our memory."""
_HOOKS = ("input", "output", "forward")


class Nftables:
    """Isolates Linux hosts, each of which trusts the SSH key of these settings."""

    commands = frozenset({Command.ISOLATE_HOST, Command.RELEASE_HOST})

    def __init__(self, settings: NftablesSettings) -> None:
        """Raises InputError where an address, a port or a duration makes no sense, or a host is listed twice."""
        self.name = settings.name
        self._settings = settings
        self.management = [_network(text, settings.name) for text in settings.management]
        """Who keeps reaching an isolated host's SSH port."""
        if not self.management:
            raise InputError(f"connector {settings.name}: 'management' is empty: isolation would cut off everybody")
        if not 2 <= settings.rollback_after_s <= 600:
            raise InputError(f"connector {settings.name}: rollback_after_s must be 2 to 600 seconds")
        self._hosts = {host.name: host for host in settings.hosts}
        if len(self._hosts) != len(settings.hosts):
            raise InputError(f"connector {settings.name}: a host is listed twice")
        for host in settings.hosts:
            _address(host, settings.name)

    def reaches(self, command: Command, target: Entity) -> bool:
        return command in self.commands and target.type is EntityType.HOST and target.value in self._hosts

    async def apply(self, action: Action, *, key: str) -> str:
        """Isolate or release. What is so already stays as it is; ``key`` is not needed for that."""
        host = self._host(action)
        if action.command is Command.RELEASE_HOST:
            await self._load(host, _REMOVE)
            return f"The isolation rules of {host.name} were removed."
        if await self._isolated(host) is Effect.APPLIED:
            return f"{host.name} was isolated already."
        timer = self._settings.rollback_after_s
        await self._load(host, rule_set(self.management, ssh_port=host.ssh_port, forgotten_after_s=timer))
        await self._confirm(host)
        return f"{host.name} is isolated; its management path was proved over a fresh connection."

    async def observe(self, action: Action) -> Effect:
        """Isolation that is armed but not yet confirmed is ``UNKNOWN``: it will soon be one thing or the other."""
        try:
            isolated = await self._isolated(self._host(action))
        except (ConnectorRefused, ConnectorUnreachable):
            return Effect.UNKNOWN
        if action.command is Command.ISOLATE_HOST or isolated is Effect.UNKNOWN:
            return isolated
        return Effect.ABSENT if isolated is Effect.APPLIED else Effect.APPLIED

    async def _confirm(self, host: LinuxHost) -> None:
        """Make isolation last. Fails where the timer has already taken it back."""
        await self._load(host, _CONFIRM)

    async def _isolated(self, host: LinuxHost) -> Effect:
        async with self._session(host) as session:
            tables = _objects(await self._run(session, host, _LIST_TABLES), "table", _Table, host)
            if _Table("inet", "sakimori") not in tables:
                return Effect.ABSENT
            return isolation(await self._run(session, host, _LIST_TABLE), host)

    async def _load(self, host: LinuxHost, rules: str) -> None:
        async with self._session(host) as session:
            await self._run(session, host, _LOAD, rules)

    def _session(self, host: LinuxHost) -> "_Session":
        return _Session(self._settings, host)

    async def _run(
        self, session: asyncssh.SSHClientConnection, host: LinuxHost, command: str, rules: str = ""
    ) -> bytes:
        try:
            process = await session.create_process(command, encoding=None)
            process.stdin.write(rules.encode())
            process.stdin.write_eof()
            answer, _ = await asyncio.gather(_read(process.stdout), _read(process.stderr))
            await process.wait_closed()
        except (OSError, asyncssh.Error) as error:
            raise ConnectorUnreachable(f"{host.name}: the SSH session broke before nft answered") from error
        if process.exit_status is None:
            raise ConnectorUnreachable(f"{host.name}: nft was killed before it answered")
        if process.exit_status != 0:
            # nft applies a file wholly or not at all. Its words are the host's, and stay there.
            raise ConnectorRefused(f"{host.name}: nft refused the rules (exit status {process.exit_status})")
        return answer

    def _host(self, action: Action) -> LinuxHost:
        host = self._hosts.get(action.target.value)
        if host is None or not self.reaches(action.command, action.target):
            raise ConnectorRefused(f"connector {self.name} cannot do {action.command} to {action.target}")
        return host


def rule_set(management: Sequence[Network], *, ssh_port: int, forgotten_after_s: int) -> str:
    """The nft file that isolates a host: one transaction, which replaces whatever isolation there is.

    After ``forgotten_after_s`` the kernel forgets the members of ``armed``, and the drop rules match nothing.
    """
    timer = f"timeout {forgotten_after_s}s"
    lines = [
        _REMOVE + f"table {_TABLE} {{",
        "  set armed {",
        "    typeof meta nfproto",
        "    flags timeout",
        f"    elements = {{ ipv4 {timer}, ipv6 {timer} }}",
        "  }",
    ]
    paths: dict[str, list[str]] = {hook: [] for hook in _HOOKS}
    v4 = ipaddress.collapse_addresses(item for item in management if isinstance(item, ipaddress.IPv4Network))
    v6 = ipaddress.collapse_addresses(item for item in management if isinstance(item, ipaddress.IPv6Network))
    for family, version, networks in (("ip", 4, list(v4)), ("ip6", 6, list(v6))):
        elements = ", ".join(str(network) for network in networks)
        if not elements:
            continue
        lines += [
            f"  set management{version} {{",
            f"    type ipv{version}_addr",
            "    flags interval",
            f"    elements = {{ {elements} }}",
            "  }",
        ]
        paths["input"].append(f"{family} saddr @management{version} tcp dport {ssh_port} accept")
        paths["output"].append(f"{family} daddr @management{version} tcp sport {ssh_port} accept")
        if version == 6:
            # Without neighbour discovery IPv6 finds nobody; IPv4's ARP does not pass these hooks.
            discovery = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
            paths["input"].append(discovery)
            paths["output"].append(discovery)
    paths["input"].insert(0, 'iifname "lo" accept')
    paths["output"].insert(0, 'oifname "lo" accept')
    for hook in _HOOKS:
        lines.append(f"  chain {hook} {{")
        lines.append(f"    type filter hook {hook} priority raw; policy accept;")
        lines += [f"    {rule}" for rule in paths[hook]]
        lines.append("    meta nfproto @armed drop")
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def isolation(listing: bytes, host: LinuxHost) -> Effect:
    """What ``nft -j list table`` says of our table: in force, armed only (UNKNOWN), or without effect.

    Raises:
        ConnectorUnreachable: the listing is no nft JSON.
    """
    armed = [element for item in _objects(listing, "set", _Set, host) if item.name == "armed" for element in item.elem]
    hooked = {chain.name for chain in _objects(listing, "chain", _Chain, host) if chain.hook == chain.name}
    dropping = {rule.chain for rule in _objects(listing, "rule", _Rule, host) if {"drop": None} in rule.expr}
    if not armed or not hooked.issuperset(_HOOKS) or not dropping.issuperset(_HOOKS):
        return Effect.ABSENT
    # Elements with a timer are objects, lasting ones are bare names.
    return Effect.APPLIED if "ipv4" in armed and "ipv6" in armed else Effect.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Table:
    family: str
    name: str


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    elem: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class _Chain:
    name: str
    hook: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    chain: str
    expr: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class _Listing:
    """nft's JSON (libnftables-json(5)): one object per table, set, chain, rule."""

    nftables: tuple[dict[str, Any], ...]


class _Session:
    """One SSH connection, with nothing taken from the user's own SSH configuration or agent."""

    def __init__(self, settings: NftablesSettings, host: LinuxHost) -> None:
        self._settings = settings
        self._host = host
        self._connection: asyncssh.SSHClientConnection | None = None

    async def __aenter__(self) -> asyncssh.SSHClientConnection:
        host, settings = self._host, self._settings
        try:
            self._connection = await asyncssh.connect(
                host.address,
                port=host.ssh_port,
                username=settings.user,
                client_keys=[str(settings.key_file)],
                known_hosts=str(settings.known_hosts_file),
                config=[],
                agent_path=None,
                preferred_auth="publickey",
                connect_timeout=settings.connect_timeout_s,
                login_timeout=settings.connect_timeout_s,
            )
        except asyncssh.HostKeyNotVerifiable as error:
            raise ConnectorRefused(
                f"{host.name}: its SSH host key is not the one in {settings.known_hosts_file}: nothing was sent to it"
            ) from error
        except asyncssh.PermissionDenied as error:
            raise ConnectorRefused(f"{host.name}: SSH refused the key {settings.key_file}") from error
        except (asyncssh.KeyImportError, FileNotFoundError, PermissionError) as error:
            raise ConnectorRefused(
                f"{host.name}: {settings.key_file} or {settings.known_hosts_file} cannot be used: expected an SSH "
                "private key without a passphrase, and known hosts in OpenSSH's form"
            ) from error
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise ConnectorUnreachable(f"{host.name}: no SSH connection to {host.address}:{host.ssh_port}") from error
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.abort()


async def _read(stream: asyncssh.SSHReader[bytes]) -> bytes:
    answer = bytearray()
    while len(answer) < _MOST_ANSWER and (piece := await stream.read(65536)):
        answer += piece
    return bytes(answer)


def _objects(listing: bytes, kind: str, cls: type[T], host: LinuxHost) -> list[T]:
    try:
        items = from_plain(_Listing, parse_object(listing, what="listing")).nftables
        return [from_plain(cls, item[kind]) for item in items if kind in item]
    except InputError as error:
        raise ConnectorUnreachable(f"{host.name}: what nft answered is not its JSON") from error


def _network(text: str, connector: str) -> Network:
    try:
        # The part after a % may be any text, and would go into the rule set as it stands.
        network = ipaddress.ip_network(text if "%" not in text else "")
    except ValueError as error:
        raise InputError(f"connector {connector}: management address '{text}' is no address or network") from error
    if network.prefixlen == 0:
        raise InputError(
            f"connector {connector}: management network '{text}' is everybody: name those who manage hosts"
        )
    return network


def _address(host: LinuxHost, connector: str) -> None:
    try:
        ipaddress.ip_address(host.address if "%" not in host.address else "")
    except ValueError as error:
        raise InputError(f"connector {connector}: address '{host.address}' of {host.name} is no IP address") from error
    if not 0 < host.ssh_port < 65536:
        raise InputError(f"connector {connector}: SSH port {host.ssh_port} of {host.name} is no port")
