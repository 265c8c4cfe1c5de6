"""Machines, accounts and secrets by their place in what connects them."""

import pytest
from tests.gateway.boundary.detectors.systems.test_settings import left


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (': EAP "blåbær og fløte"', "blåbær og fløte"),
        (': RSA /etc/ipsec.d/private/gw.pem "5521kveldsol"', "5521kveldsol"),
        ("ALTER USER 'batch'@'10.44.2.%' IDENTIFIED BY 'smoked_Trout=4';", "smoked_Trout=4"),
        ("ALTER USER 'batch'@'10.44.2.%' IDENTIFIED BY 'x';", "10.44.2"),
        (
            "IDENTIFIED BY PASSWORD '*9912AC0F0BF583C1A4D0E5C7B2A91F0033AA7E41'",
            "9912AC0F0BF583C1A4D0E5C7B2A91F0033AA7E41",
        ),
        ("username spare password $sha512$5000$Vq0aZ7c1lGd$9yHk pbkdf2", "$sha512$5000$Vq0aZ7c1lGd$9yHk"),
        ('a0="mysql" a1="-hkiso-ro" a2="-uledger" a3="-pHakobe77"', "Hakobe77"),
        ('a0="/usr/bin/mysql" a1="-hkiso-ro" a2="-uledger"', "kiso-ro"),
        ('x="Server=db;Password=Otter.Creek;3;"', "Otter.Creek;3"),
        ("unauthorized (robot$ocr-fetcher)", "ocr-fetcher"),
        ("recovery 417230-082665-559174-330627-118206-694331-205766-471053", "417230-082665"),
        ("sqlplus recon/Wild_Thyme9@CORE", "Wild_Thyme9"),
        ("He logged on to pc-annex as kfuruta, then left", "kfuruta"),
    ],
)
def test_does_not_leave(text: str, hidden: str) -> None:
    assert hidden not in left(text)


@pytest.mark.parametrize(
    "text",
    [
        'type=EXECVE a0="ls" a1="-halt" a2="-upper"',
        "0.0.0.0/0 and 127.0.0.1/8 stay",
        "the ratio read/write is 3/4, and/or 12/24",
    ],
)
def test_stays_readable(text: str) -> None:
    assert left(text) == text
