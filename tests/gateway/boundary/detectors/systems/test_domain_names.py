"""Machines in somebody's domain go, whatever its end; what everybody knows and what attackers register stays."""

import pytest
from tests.gateway.boundary.detectors.systems.test_settings import left


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("relay=mail.kurohime-seika.co.jp[203.0.113.88]:25", "mail.kurohime-seika.co.jp"),
        ('API = "https://cards-api.dravabanka.pl/v2/block"', "cards-api.dravabanka.pl"),
        ("ntp server ntp1.alpenquell.fr", "ntp1.alpenquell.fr"),
        ("mount -t cifs //pine.lakesidemutual.com/ach /mnt", "pine.lakesidemutual.com"),
        ("define('DB_HOST', 'web-db.intra.hotaru.jp');", "web-db.intra.hotaru.jp"),
        ("管理コンソール（kanri-gw.hotaruhub.jp）へ", "kanri-gw.hotaruhub.jp"),
        ("/etc/letsencrypt/live/mypage.hotaruhub.jp/privkey.pem", "mypage.hotaruhub.jp"),
        ("see mypage.hotaruhub.jp.conf", "mypage.hotaruhub.jp"),
        ("_ldap._tcp.dc1.hotaruhub.jp has SRV record", "dc1.hotaruhub.jp"),
        ("open ftps://rates.grünwährung-bank.ch", "rates.grünwährung-bank.ch"),
        ("it was stork.int.dravabanka.hu", "stork.int.dravabanka.hu"),
        ("notice to customers of yamanami-bank.com", "yamanami-bank.com"),
        ("files in lakesidemutual.sharepoint.com", "lakesidemutual"),
        ("vpc-hotaru-7f3k.s3.amazonaws.com", "vpc-hotaru-7f3k"),
        ("host pc-0412.bank.example", "pc-0412.bank.example"),
    ],
)
def test_does_not_leave(text: str, hidden: str) -> None:
    assert hidden not in left(text)


@pytest.mark.parametrize(
    "text",
    [
        "The payload came from login-update.top and evil-cdn.com.",
        "See https://learn.microsoft.com/windows and https://attack.mitre.org/techniques/T1059.",
        "eventSource autoscaling.amazonaws.com, sts.amazonaws.com",
        "https://www.evil-update.com/a.js",
        "import win32com.client; self.user.id; do.it; System.IO.File",
        "rotate_logs.sh and settings.local.yaml, app.test.ts",
        "Security advice by the NCSC: https://www.ncsc.gov.uk and https://www.fsa.go.jp",
    ],
)
def test_stays_readable(text: str) -> None:
    assert left(text) == text
