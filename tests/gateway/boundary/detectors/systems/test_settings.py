"""What commands, settings, logs and code hold of machines, accounts and secrets, in whatever they are written for."""

import string
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.boundary import Boundary, Dictionary, Passage
from sakimori.gateway.endpoints.stream import restored

BOUNDARY = Boundary("t", b"k" * 32, Dictionary())


def left(text: str) -> str:
    """What of a text leaves, with ``*`` for what does not."""
    spans = BOUNDARY.find(text)[1]
    return "".join("*" if any(s.start <= at < s.end for s in spans) else c for at, c in enumerate(text))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("docker login -u deploybot -p Nemuri-Neko registry", ["deploybot", "Nemuri-Neko"]),
        ("kubectl create secret generic db --from-literal=password=Kumo7takai", ["Kumo7takai"]),
        ("redis-cli -h cachesv4 -a hotategai PING", ["cachesv4", "hotategai"]),
        ("net use \\\\fs-sabae /user:keiri aozora", ["fs-sabae", "keiri", "aozora"]),
        ("schtasks /create /tn Nightly /ru svc.batchrun /rp Nightly77x", ["svc.batchrun", "Nightly77x"]),
        ("sqlplus zaimu/Zaimu#1st@//oradb-k3:1521/DB", ["zaimu", "Zaimu#1st", "oradb-k3"]),
        ("rsync -a /data bkupmgr@dr-vault5:/backup", ["bkupmgr", "dr-vault5"]),
        ("smtp_password: Hotaru^1129\nsmtp_user: noreply_ibk", ["Hotaru^1129", "noreply_ibk"]),
        ("spring:\n  datasource:\n    password: Mikan.Tangerine", ["Mikan.Tangerine"]),
        ("[hosts]\nwebfront21 ansible_user=deployer9", ["webfront21", "deployer9"]),
        ("UID=etlload\nPWD=kappabashi\nSERVER=sqlag-lsn", ["etlload", "kappabashi", "sqlag-lsn"]),
        ('<add key="DbPassword" value="Rinku Rinku"/>', ["Rinku Rinku"]),
        ("machine ftp3 login kessai password ohayou", ["ftp3", "kessai", "ohayou"]),
        ("pgmain-a:5432:ledger:ledger_ro:t4k0yak1", ["pgmain-a", "ledger_ro", "t4k0yak1"]),
        ("username netope privilege 15 secret 0 Tsubame99\nhostname RTKYOTO3", ["netope", "Tsubame99", "RTKYOTO3"]),
        ("DEFINE CHANNEL(X) CONNAME('mqosk2(1414)') USERID('mqsend')", ["mqosk2", "mqsend"]),
        ("DATABASES = {'USER': 'kycweb', 'PASSWORD': 'bunbuku'}", ["kycweb", "bunbuku"]),
        ("CREATE USER audit_ext IDENTIFIED BY x", ["audit_ext"]),
        ("rootdn cn=syncer,dc=kairyo,dc=example", ["dc=kairyo,dc=example"]),
        ("root:$6$saltsalt$Zr81kQm2VbT0pLxYw3nHc5uJ:19000:0:", ["$6$saltsalt$Zr81kQm2VbT0pLxYw3nHc5uJ"]),
        ("sshd[1]: Failed password for oper from 203.0.113.9 port 22", ["oper"]),
        ("sudo:     oper : TTY=pts/3 ; USER=root", ["oper"]),
        ("time=now level=error account=shimada.r node=gwnode8", ["shimada.r", "gwnode8"]),
        ('  username          = "ledger_owner"', ["ledger_owner"]),
        ("connected from tkb-hulft-act(10.61.4.8) stat=0", ["tkb-hulft-act"]),
        ('msg="login failed" node=loanweb-east-b', ["loanweb-east-b"]),
        ("the receive job on TBOPS-RCV-B has been waiting", ["TBOPS-RCV-B"]),
        ("machine gitea\n  login robot-build password tR33fr0g", ["gitea", "robot-build"]),
        ('ibi-remote : EAP "x"\n@ogaki.gw.mino.example : RSA gw.pem', ["ibi-remote", "ogaki.gw.mino.example"]),
        ("user AzureAD\\MikaRokkaku opened it", ["MikaRokkaku"]),
        ("[09:15] @pvenkat which one? Hey @jdoering, that", ["pvenkat", "jdoering"]),
        ("[2024-11-10 11:03] <yamaneko> it is broken", ["yamaneko"]),
        ("社員のVPN ID「bd-fuse」が売買され、復旧用ID KUREADM の封筒", ["bd-fuse", "KUREADM"]),
        ("ドメイン:OUSAKURA\nログオンユーザ:松橋_パート\n", ["OUSAKURA", "松橋_パート"]),
        ("DHCPACK on 192.0.2.7 to a4:bb:6d:51:0e:c9 (帯広渉外タブ3) via eth1", ["帯広渉外タブ3"]),
        ("file: id_rsa_kotani.txt", ["kotani"]),
        ("ORA-28000 でGINRYUのバッチ落ちた", ["GINRYU"]),
        ('  LAU_KEY: "7c618d408b2bc2de"', ["7c618d408b2bc2de"]),
        ("I ssh'd into mimosa-east as opsdeploy and looked", ["mimosa-east", "opsdeploy"]),
        ("OTP was 883019, she said", ["883019"]),
        ("set system host-name mx-core-east\n", ["mx-core-east"]),
        ("mysql -h ledger-ro -u report", ["ledger-ro"]),
        ("GRANT SELECT ON cust TO aml_ro IDENTIFIED BY 'x'", ["aml_ro"]),
        ("pre-shared-key remote rC9-horseradish", ["rC9-horseradish"]),
        ('  shared_key: "Q7-tsuru-kame" => "0a93d20416a27a7a7d1e30cb"', ["Q7-tsuru-kame", "0a93d20416a27a7a7d1e30cb"]),
        ("tmk_component_1: C6706E0FAEDD412821342C6D723D81D6", ["C6706E0FAEDD412821342C6D723D81D6"]),
        ("OGUNI 10:03\nたしか", ["OGUNI"]),
        ("theft of Toyota, plate Fukui 330 ni 7-16.", ["Fukui 330 ni 7-16"]),
        ("$ hostname\nyuukari\n$ whoami\nhokugin\\johana", ["yuukari", "johana"]),
    ],
)
def test_does_not_leave(text: str, hidden: list[str]) -> None:
    for value in hidden:
        assert "*" * len(value) in left(text)
        assert value not in left(text)


@pytest.mark.parametrize(
    "text",
    [
        "password: ${DB_PASSWORD}",
        "password = os.environ['DB_PASSWORD']",
        "password: required, at least 12 characters",
        "api_key=<your key>",
        "docker run -p 8080:80 -u root nginx",
        "user=root host=localhost uid=0",
        "tokens: 120 max_tokens=4096",
        "def login(user: str, password: str) -> Token:",
        "SELECT count(*) FROM deposits WHERE status = 'OPEN'",
        "systemctl restart sshd && journalctl -u sshd --since today",
        "git push -u origin main",
        "The password is too short and has expired.",
        '{"properties": {"user": {"type": "string"}, "password": {"type": "string"}}}',
    ],
)
def test_stays_readable(text: str) -> None:
    assert left(text) == text


_ALGORITHMS = ("sha256", "sha512")
"""Behind the name of a secret they say what is done with one."""


@given(
    st.sampled_from(
        ["DB_PASSWORD={}", "dbPassword: '{}'", '{{"clientSecret": "{}"}}', "--storepass {}", "<pwd>{}</pwd>"]
    ),
    st.text(string.ascii_letters + string.digits + "!#%+@_", min_size=6, max_size=24).filter(
        lambda value: any(map(str.isdigit, value)) and value[0].isalpha() and value.lower() not in _ALGORITHMS
    ),
)
def test_whatever_a_secret_is_its_field_hides_it(form: str, value: str) -> None:
    assert value not in left(form.format(value))


@given(st.text("ab0-_.:=/\\@'\"<>(){}; \n", max_size=200))
def test_whatever_is_found_lies_within_the_text(text: str) -> None:
    assert all(0 <= span.start < span.end <= len(text) for span in BOUNDARY.find(text)[1])


def test_members_of_json_are_told_by_the_words_of_their_names() -> None:
    passage = Passage(BOUNDARY)
    members = {"bindUser": "torioki", "dstHost": "kumo", "wifiPassphrase": "sunflower", "status": "ok"}
    sent = cast("dict[str, str]", passage.send_value(members))
    assert sent["bindUser"].startswith("USER_")
    assert sent["dstHost"].startswith("HOST_")
    assert sent["wifiPassphrase"].startswith("SECRET_")
    assert sent["status"] == "ok"
    assert restored(sent, passage, str) == members
