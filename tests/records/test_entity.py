"""One name, one entity: whoever spells it."""

import pytest

from sakimori.records import Entity, EntityType, entity_named


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        (EntityType.HOST, " WS-01.Bank.Example ", "ws-01.bank.example"),
        (EntityType.USER, "BANK\\Tanaka", "tanaka"),
        (EntityType.USER, "Tanaka@bank.example", "tanaka"),
        (EntityType.IP, "::ffff:10.0.0.5", "10.0.0.5"),
        (EntityType.IP, "2001:DB8:0::1", "2001:db8::1"),
        (EntityType.HASH, "ABCDEF", "abcdef"),
    ],
)
def test_names_are_spelled_one_way(kind: EntityType, said: str, value: str) -> None:
    assert entity_named(kind, said) == Entity(type=kind, value=value)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (EntityType.HOST, "localhost"),
        (EntityType.HOST, "unknown"),
        (EntityType.USER, "NT AUTHORITY\\SYSTEM"),
        (EntityType.USER, "WS-01$"),
        (EntityType.USER, "  "),
        (EntityType.IP, "127.0.0.1"),
        (EntityType.IP, "no address"),
        (EntityType.HASH, "0" * 64),
    ],
)
def test_names_of_nobody_in_particular_are_none(kind: EntityType, said: str) -> None:
    assert entity_named(kind, said) is None
