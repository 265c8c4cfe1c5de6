"""What administrators type and what their tools print."""

import pytest
from tests.gateway.boundary.detectors.systems.test_settings import left


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("changed: [prt-kashiwa] => {}", "prt-kashiwa"),
        ("web-kashiwa                : ok=3 changed=1", "web-kashiwa"),
        ("deploy$ cat .env", "deploy"),
        ("himalia:~> exit", "himalia"),
        ("login as\nIZUMO-B> show version", "IZUMO-B"),
        ('spawn ftp gw-w; expect "Name"; send "ginkouft\\r"; expect "assword"; send "tsuru=kame=\\r"', "ginkouft"),
        ('expect "Name"; send "x\\r"; expect "assword"; send "tsuru=kame=\\r"', "tsuru=kame="),
    ],
)
def test_does_not_leave(text: str, hidden: str) -> None:
    assert hidden not in left(text)


@pytest.mark.parametrize("text", ["GitHub > settings", "cost$ 5", "ok: [see below]", "total: ok=3"])
def test_stays_readable(text: str) -> None:
    assert left(text) == text
