"""The connectors' file: read strictly, with one sentence for each mistake."""

from pathlib import Path

import pytest

from sakimori.core import InputError
from sakimori.respond.connectors.registry import connect
from sakimori.respond.connectors.settings import load_settings

GOOD = """
[[cyberrange]]
name = "range"
url = "http://127.0.0.1:8470"
token_file = "defence.token"

[[nftables]]
name = "linux"
user = "root"
key_file = "/keys/id_ed25519"
known_hosts_file = "known_hosts"
management = ["192.0.2.10", "2001:db8::/64"]
[[nftables.hosts]]
name = "db01.bank.example"
address = "192.0.2.77"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "connectors.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_begin_at_the_files_folder(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, GOOD))
    assert settings.cyberrange[0].token_file == tmp_path / "defence.token"
    assert settings.nftables[0].known_hosts_file == tmp_path / "known_hosts"
    assert str(settings.nftables[0].key_file) == "/keys/id_ed25519"
    assert settings.nftables[0].hosts[0].ssh_port == 22
    assert [connector.name for connector in connect(settings)] == ["range", "linux"]


def test_an_empty_file_is_no_connectors(tmp_path: Path) -> None:
    assert connect(load_settings(written(tmp_path, ""))) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[cyberrange]]", "[[cyberrange", "not valid TOML"),
        ('url = "', 'uri = "', "cyberrange.0.url"),
        ('user = "root"', "user = 1", "user"),
        ('name = "linux"', 'name = "range"', "two connectors have the same name"),
        ('["192.0.2.10", "2001:db8::/64"]', "[]", "'management' is empty"),
        ('"192.0.2.10", ', '"192.0.2.10; flush ruleset", ', "is no address or network"),
        ('"192.0.2.10", ', '"0.0.0.0/0", ', "is everybody"),
        ('"192.0.2.10", ', '"fe80::1%eth0", ', "is no address or network"),
        ('address = "192.0.2.77"', 'address = "db01"', "is no IP address"),
        ('address = "192.0.2.77"', 'address = "192.0.2.77"\nssh_port = 0', "is no port"),
        ('user = "root"', 'user = "root"\nrollback_after_s = 1', "rollback_after_s must be 2 to 600"),
        (
            "[[nftables.hosts]]",
            '[[nftables.hosts]]\nname = "db01.bank.example"\naddress = "192.0.2.78"\n[[nftables.hosts]]',
            "a host is listed twice",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as raised:
        connect(load_settings(written(tmp_path, GOOD.replace(old, new, 1))))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value).strip() or "TOML" in str(raised.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the connectors cannot be read"):
        load_settings(tmp_path / "nowhere.toml")
