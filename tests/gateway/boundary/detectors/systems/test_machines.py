"""Hosts, accounts and hardware as logs, paths and people name them."""

import pytest
from tests.gateway.boundary.detectors.systems.test_settings import left


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("(2 rows)  -- run as rpt_jlm on pg-meadow-ro", "pg-meadow-ro"),
        ("last logon from 172.29.14.6 on aud-nb-red  EXCEPTION", "aud-nb-red"),
        ("I tried it from KIOSK4, same", "KIOSK4"),
        ("First seen on LEASE-FS, account lease\\scanner, 10 Nov", "LEASE-FS"),
        ("First seen on LEASE-FS, account lease\\scanner, 10 Nov", "scanner"),
        ("誰かyamato-mqのキュー深度みて", "yamato-mq"),
        ("DB_HOST: meta-pg\n", "meta-pg"),
        ("ansible/host_vars/mx-nagi.yml", "mx-nagi"),
        ("copy running-config tftp://10.8.1.250/asa-oyama-b.cfg", "asa-oyama-b"),
        ("ORA-01017; 接続先 kjdb-v ", "kjdb-v"),
        ("agent kd_agent19 shared his login", "kd_agent19"),
        ("local admin .\\popup pw same", "popup"),
        ("%ASA-5-111008: User 'netops-rancid' executed", "netops-rancid"),
        ("<yonemitsu> なあ、また詰まってるで", "yonemitsu"),
        ("db2 connect to LOANDB user db2ln using 'x'", "db2ln"),
        ("RDP'd with .\\localsup pw", "localsup"),
        ("the shared ID opebk on the NAS", "opebk"),
        ("Requester Nwosu, Chidi (cnwosu).", "cnwosu"),
        ("acct scan_svc$ is locked", "scan_svc"),
        ("s004418=財前 さつき(鳥羽支店)", "s004418"),
        ("term uat-sw-2 / op", "uat-sw-2"),
        ("crt /etc/haproxy/certs/ib.irago.example.pem", "ib.irago.example"),
        ("thor not answering on BMC", "thor"),
        ("thor, raven, falcon up since 22:15", "raven"),
        ("ldapsearch -x -H ldaps://kestrel:636", "kestrel"),
        ("mounted from osprey:/export", "osprey"),
        ("1,2026/11/10 03:12:09,015351000048812,TRAFFIC,end,,", "015351000048812"),
    ],
)
def test_does_not_leave(text: str, hidden: str) -> None:
    assert hidden not in left(text)


@pytest.mark.parametrize(
    "text",
    [
        "Run pg-dump before db-migrate, then restart the read-only replica.",
        "It ran on WIN11 and Windows10, from step 3 on.",
        "The tiger is an animal, mercury rises, and maple syrup is sweet.",
        "enabled since 02-May and 3-Jun-2026",
        "<b> bold </b> and <td> cells",
        "Start .\\setup.ps1 as usual",
        "接続先 read-only",
    ],
)
def test_stays_readable(text: str) -> None:
    assert left(text) == text
