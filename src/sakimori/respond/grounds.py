"""What a response rests on, and what it would hit."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from sakimori.core import InputError
from sakimori.records import (
    AccountAsset,
    Action,
    BlastRadius,
    Entity,
    EntityType,
    HostAsset,
    Incident,
    Inventory,
    Verdict,
)

Asset = HostAsset | AccountAsset


@dataclass(frozen=True)
class Grounds:
    """The verdict that asks, the incident it is about, and the institution's own inventory.

    Raises:
        InputError: they do not belong together.
    """

    verdict: Verdict
    incident: Incident
    inventory: Inventory

    def __post_init__(self) -> None:
        if len({self.verdict.tenant, self.incident.tenant, self.inventory.tenant}) != 1:
            raise InputError(
                f"verdict {self.verdict.id}: verdict, incident and inventory belong to different institutions"
            )
        if self.verdict.incident_id != self.incident.id:
            raise InputError(
                f"verdict {self.verdict.id} is about incident {self.verdict.incident_id}, not {self.incident.id}"
            )

    @property
    def tenant(self) -> str:
        return self.verdict.tenant

    @cached_property
    def proved(self) -> frozenset[Entity]:
        """What detectors, not investigators, tied to the incident."""
        return frozenset(self.incident.entities)

    @cached_property
    def _assets(self) -> dict[Entity, Asset]:
        """By entity. A name that the inventory lists twice stands for nothing: which one is meant is unknown."""
        hosts = [(Entity(type=EntityType.HOST, value=host.name), host) for host in self.inventory.hosts]
        accounts = [(Entity(type=EntityType.USER, value=account.name), account) for account in self.inventory.accounts]
        listed: list[tuple[Entity, Asset]] = [*hosts, *accounts]
        times = Counter(entity for entity, _ in listed)
        return {entity: asset for entity, asset in listed if times[entity] == 1}

    def asset(self, target: Entity) -> Asset | None:
        return self._assets.get(target)

    def blast_radius(self, action: Action) -> BlastRadius:
        """What the action would hit, by the inventory: empty for a target that it does not know."""
        asset = self.asset(action.target)
        if isinstance(asset, HostAsset):
            visiting = (account.name for account in self.inventory.accounts if asset.name in account.hosts)
            return BlastRadius(
                hosts=(asset.name,),
                accounts=tuple(sorted({*asset.users, *visiting})),
                services=asset.services,
                people=len(set(asset.users)),
            )
        if asset is None:
            return BlastRadius(hosts=(), accounts=(), services=(), people=0)
        # A person's account takes away that person's work; a service's account takes the services it runs.
        runs_services = asset.kind == "service"
        carried = (host.services for host in self.inventory.hosts if host.name in asset.hosts)
        return BlastRadius(
            hosts=tuple(sorted(asset.hosts)),
            accounts=(asset.name,),
            services=tuple(sorted({name for names in carried for name in names})) if runs_services else (),
            people=0 if runs_services else 1,
        )
