"""``sakimori scan`` over network logs, appliances' logs and logs of one's own: Sigma rules for them fire."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.cli import cli
from sakimori.core import ExitCode

MINING = """
selection: {query|endswith: nanopool.org}
filter: {answers: ['127.0.0.1', '0.0.0.0']}
rejected: {rejected: 'true'}
condition: selection and not filter and not rejected
"""
TXT = "selection: {record_type: TXT, answer|contains: IEX}\ncondition: selection"
PROXY = """
selection:
  cs-method: GET
  c-uri|endswith: /gate.php
  c-useragent|contains: katz
  cs-host: evil.example
condition: selection
"""
WEB = "selection: {cs-method: POST, cs-uri-query|contains: '../', sc-status: 200}\ncondition: selection"
FIREWALL = "selection: {dst_ip|cidr: 203.0.113.0/24, dst_port: 4444}\ncondition: selection"
SEVERE = "selection: {alert.severity: 1}\ncondition: selection"
PROBE = "selection: {name: 'CVE | probe', suser|endswith: '\\tanaka'}\ncondition: selection"
EXCHANGE = "selection: {EventID: 15345, src|cidr: 192.0.2.0/24}\ncondition: selection"

ZEEK_CONNECTION = '"ts":1300475167.1,"uid":"C1","id.orig_h":"10.0.0.5","id.orig_p":49152,"id.resp_h":"203.0.113.9"'
ZEEK_DNS = """#separator \\x09
#set_separator\t,
#path\tdns
#fields\tts\tuid\tid.orig_h\tquery\tqtype_name\trejected\tanswers
#types\ttime\tstring\taddr\tstring\tstring\tbool\tvector[string]
1300475167.1\tC1\t10.0.0.5\txmr.nanopool.org\tTXT\tF\tIEX(1),198.51.100.1
1300475167.2\tC2\t10.0.0.5\txmr.nanopool.org\tA\tF\t127.0.0.1
1300475167.3\tC3\t10.0.0.5\txmr.nanopool.org\tA\tT\t-
"""
ZEEK_HTTP = (
    f'{{{ZEEK_CONNECTION},"_path":"http","method":"GET","host":"evil.example","uri":"/gate.php","user_agent":"katz"}}'
)
EVE = (
    '"timestamp":"2026-11-22T10:02:03.000000+0900","flow_id":1,'
    '"src_ip":"10.0.0.5","dest_ip":"203.0.113.9","dest_port":4444'
)
EVE_DNS = (
    f'{{{EVE},"event_type":"dns",'
    '"dns":{"queries":[{"rrname":"a","rrtype":"TXT"}],"answers":[{"rdata":"IEX 1"}]}}'
)
EVE_HTTP = (
    f'{{{EVE},"event_type":"http","http":{{"hostname":"evil.example","url":"/x/gate.php","http_method":"GET",'
    f'"http_user_agent":"katz-1"}}}}\n'
    f'{{{EVE},"event_type":"http","http":{{"url":"/a?f=../x","http_method":"POST","status":200}}}}\n'
)
CEF = (
    "Nov 22 01:02:03 relay CEF:0|Trend Micro|Deep Security Agent|20|3002795|CVE \\| probe|8|"
    "rt=1600000000000 shost=WS-01 suser=BANK\\\\tanaka act=Log only\n"
)
W3C = (
    "#Fields: date time c-ip cs-method cs-host cs-uri cs-uri-query sc-status cs(User-Agent)\n"
    "2026-11-22 01:02:03 10.0.0.5 GET evil.example http://evil.example/gate.php - 200 katz+1\n"
    "2026-11-22 01:02:04 10.0.0.5 POST - - f=../x 200 -\n"
)
LEEF = "LEEF:2.0|Microsoft|MSExchange|4.0|15345|^|src=192.0.2.7^dst=1.1.1.1\n"
TABLE = "日時,端末,操作\r\n2026/11/22 10:02:03,TELLER-07,振込限度額変更\r\n2026/11/22 10:02:04,TELLER-08,残高照会\r\n"
MAPPING = """format: csv
encoding: cp932
recognise: [日時, 端末, 操作]
product: corebanking
channel: operations
time: {field: 日時, format: "%Y/%m/%d %H:%M:%S", zone: Asia/Tokyo}
host: 端末
"""


def _scan(folder: Path, source: str, detection: str, log: bytes, *options: object) -> Result:
    (folder / "rules").mkdir()
    (folder / "rules" / "r.yml").write_text(
        f"title: t\nid: 7b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c5d6e\nstatus: test\nlevel: high\n"
        f"logsource: {{{source}}}\ndetection:\n"
        + "\n".join(f"  {line}" for line in detection.strip().splitlines())
        + "\n",
        encoding="utf-8",
    )
    (folder / "log").write_bytes(log)
    arguments = ["scan", folder / "log", "--rules", folder / "rules", "--format", "jsonl", *options]
    return CliRunner().invoke(cli, list(map(str, arguments)))


CASES = [
    ("product: zeek, service: dns", MINING, ZEEK_DNS),
    ("category: dns", MINING, ZEEK_DNS),
    ("category: dns", TXT, ZEEK_DNS),
    ("category: dns", TXT, EVE_DNS),
    ("category: proxy", PROXY, ZEEK_HTTP),
    ("category: proxy", PROXY, EVE_HTTP),
    ("category: webserver", WEB, EVE_HTTP),
    ("category: firewall", FIREWALL, f'{{{ZEEK_CONNECTION},"id.resp_p":4444,"conn_state":"SF"}}'),
    ("category: firewall", FIREWALL, f'{{{EVE},"event_type":"flow"}}'),
    ("product: suricata, service: alert", SEVERE, f'{{{EVE},"event_type":"alert","alert":{{"severity":1}}}}'),
    ("product: trend_micro, service: deep_security_agent", PROBE, CEF),
    ("product: microsoft", EXCHANGE, LEEF),
    ("category: webserver", WEB, W3C),
    ("category: proxy", PROXY, W3C),
]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("source", "detection", "log"), CASES)
def test_a_rule_for_the_log_source_fires(tmp_path: Path, source: str, detection: str, log: str) -> None:
    result = _scan(tmp_path, source, detection, log.encode())
    assert result.exit_code == ExitCode.OK, result.output
    assert len(result.stdout.splitlines()) == 1
    assert "= " in result.stderr


@pytest.mark.usefixtures("home")
def test_the_host_is_the_origin_and_neither_relay_nor_web_site(tmp_path: Path) -> None:
    result = _scan(tmp_path, "product: trend_micro", "selection: {act: Log only}\ncondition: selection", CEF.encode())
    (finding,) = map(json.loads, result.stdout.splitlines())
    assert sorted(finding["entities"]) == ["host:ws-01", "user:tanaka"]
    assert finding["time"] == "2020-09-13T12:26:40.000Z"


@pytest.mark.usefixtures("home")
def test_a_log_of_ones_own_is_scanned_with_its_mapping_and_its_rows_are_shown(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING, encoding="utf-8")
    detection = "selection: {操作|contains: 限度額}\ncondition: selection"
    source = "product: corebanking, service: operations"
    result = _scan(tmp_path, source, detection, TABLE.encode("cp932"), "--mapping", tmp_path / "m.yaml")
    assert result.exit_code == ExitCode.OK, result.output
    (finding,) = map(json.loads, result.stdout.splitlines())
    assert finding["time"] == "2026-11-22T01:02:03.000Z"
    assert finding["entities"] == ["host:teller-07"]
    shown = CliRunner().invoke(cli, ["events", "show", finding["event_ids"][0]])
    assert shown.exit_code == ExitCode.OK, shown.output
    assert "振込限度額変更" in shown.stdout


@pytest.mark.usefixtures("home")
def test_a_wrong_mapping_file_is_one_sentence_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("format: csv\nrecognise: [a]\nproducts: x\n")
    result = _scan(tmp_path, "product: x", "s: {a: 1}\ncondition: s", b"a\n1\n", "--mapping", tmp_path / "m.yaml")
    assert isinstance(result.exception, Exception)
    assert f"{tmp_path / 'm.yaml'}:3: unknown 'products' in the mapping" in str(result.exception)
