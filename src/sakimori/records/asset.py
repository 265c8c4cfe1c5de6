"""Assets: what the institution's own inventory and directory say about its hosts and accounts."""

from enum import StrEnum
from typing import ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import record


class Criticality(StrEnum):
    """How much the institution depends on it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    VITAL = "vital"
    """Payments, core banking, domain controllers: never touched without a person."""


@record
class HostAsset:
    name: str
    """As in events: lower-case FQDN."""
    role: str
    """``workstation``, ``file-server``, ``domain-controller``, …"""
    criticality: Criticality
    address: str
    """IP address."""
    users: tuple[str, ...] = ()
    """Account names of the staff who work on it."""
    services: tuple[str, ...] = ()
    """Business services that it carries."""


@record
class AccountAsset:
    name: str
    """Lower case, without domain."""
    display_name: str
    criticality: Criticality
    kind: str
    """``staff``, ``admin``, ``service``."""
    hosts: tuple[str, ...] = ()
    """Hosts it usually works on."""


@record
class Inventory:
    SCHEMA: ClassVar[str] = "sakimori.inventory/1"

    tenant: str
    taken_at: Nanos
    hosts: tuple[HostAsset, ...]
    accounts: tuple[AccountAsset, ...]

    @property
    def id(self) -> str:
        return "current"

    def host(self, name: str) -> HostAsset | None:
        return next((host for host in self.hosts if host.name == name), None)

    def account(self, name: str) -> AccountAsset | None:
        return next((account for account in self.accounts if account.name == name), None)
