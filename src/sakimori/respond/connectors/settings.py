"""Which connectors an institution has: one TOML file, read strictly.

::

    [[cyberrange]]
    name = "range"
    url = "http://127.0.0.1:8470"
    token_file = "defence.token"

    [[nftables]]
    name = "linux"
    user = "root"
    key_file = "id_ed25519"
    known_hosts_file = "known_hosts"
    management = ["192.0.2.10", "2001:db8::/64"]
    [[nftables.hosts]]
    name = "db01.bank.example"
    address = "192.0.2.77"

Relative paths begin at the file's own folder. Secrets stand in files of their own.
"""

import tomllib
from dataclasses import replace
from pathlib import Path

from sakimori.core import InputError
from sakimori.records import from_plain, record


@record
class CyberrangeSettings:
    name: str
    url: str
    """Where the range's defence plane listens."""
    token_file: Path


@record
class LinuxHost:
    name: str
    """As the inventory has it."""
    address: str
    """IP address that SSH listens on."""
    ssh_port: int = 22


@record
class NftablesSettings:
    name: str
    user: str
    """Who may run nft on the hosts: root, or a user with the capability."""
    key_file: Path
    """SSH private key without a passphrase."""
    known_hosts_file: Path
    """Host keys, in OpenSSH's form. A host whose key is not in it is not talked to."""
    management: tuple[str, ...]
    """IP addresses or networks that keep reaching an isolated host's SSH port: this machine's among them."""
    hosts: tuple[LinuxHost, ...]
    rollback_after_s: int = 30
    """Isolation that was not confirmed by then undoes itself."""
    connect_timeout_s: float = 10.0


@record
class ConnectorSettings:
    cyberrange: tuple[CyberrangeSettings, ...] = ()
    nftables: tuple[NftablesSettings, ...] = ()


def load_settings(path: Path) -> ConnectorSettings:
    """Read the file.

    Raises:
        InputError: it cannot be read, is no TOML, or a member is missing, unknown or of the wrong type.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the connectors cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error
    try:
        settings = from_plain(ConnectorSettings, plain)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    folder = path.parent
    names = [item.name for item in (*settings.cyberrange, *settings.nftables)]
    if len(set(names)) != len(names):
        raise InputError(f"{path}: two connectors have the same name; plans tell them apart by it")
    return ConnectorSettings(
        cyberrange=tuple(replace(item, token_file=folder / item.token_file) for item in settings.cyberrange),
        nftables=tuple(
            replace(item, key_file=folder / item.key_file, known_hosts_file=folder / item.known_hosts_file)
            for item in settings.nftables
        ),
    )
