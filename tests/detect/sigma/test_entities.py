"""Who and what an event is about (content/mappings/entities.yaml)."""

from sakimori.detect.sigma.finding import EntityFields
from sakimori.records import Entity, EntityType, EventKind


def _names(kind: EntityType, cells: dict[str, str], code: str = "1", log: str = "windows/Security") -> list[str]:
    product, channel = log.split("/")
    event = EventKind(product=product, channel=channel, code=code)
    found: tuple[Entity, ...] = EntityFields.packaged().of(cells, event)
    return [entity.value for entity in found if entity.type is kind]


def test_beside_the_computer_a_shippers_host_is_not_the_origin() -> None:
    cells = {"Computer": "WS-01.bank.example", "host": "collector.example"}
    assert _names(EntityType.HOST, cells) == ["ws-01.bank.example"]


def test_without_a_computer_the_host_field_names_it() -> None:
    assert _names(EntityType.HOST, {"host": "WS-01.bank.example"}) == ["ws-01.bank.example"]


def test_users_lose_their_domain_and_machine_accounts_are_nobody() -> None:
    assert _names(EntityType.USER, {"User": "BANK\\Tanaka", "TargetUserName": "WS-01$"}) == ["tanaka"]
    assert _names(EntityType.USER, {"User": "NT AUTHORITY\\SYSTEM"}) == []


def test_a_group_is_not_a_user() -> None:
    assert _names(EntityType.USER, {"TargetUserName": "Domain Admins", "SubjectUserName": "admin1"}, "4728") == [
        "admin1"
    ]


def test_what_a_client_asked_for_is_not_a_host_of_ours() -> None:
    cells = {"host": "evil.example", "id.orig_h": "10.0.0.5"}
    assert _names(EntityType.HOST, cells, "", "zeek/http") == []
    assert _names(EntityType.IP, cells, "", "zeek/http") == ["10.0.0.5"]
