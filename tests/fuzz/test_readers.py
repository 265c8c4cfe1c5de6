"""However telemetry is damaged, reading ends, and every record is evaluated or rejected with a reason."""

import random
from collections.abc import Sequence
from pathlib import Path

import orjson
from tests.collect.alerts import samples

from sakimori import collect
from sakimori.core import ManualClock
from sakimori.records import EventBatch

from .budget import keep, seeds


def _read(data: bytes, path: Path, mappings: Sequence[collect.LogMapping]) -> None:
    path.write_bytes(data)
    events = rejected = 0
    accounts: list[collect.SourceRead] = []
    for item in collect.read([path], tenant="bank", clock=ManualClock(0), mappings=mappings):
        match item:
            case EventBatch():
                events += len(item)
            case collect.AlertRead():
                events += 1
            case collect.Rejected():
                rejected += 1
                assert item.reason
            case collect.SourceRead():
                accounts.append(item)
                assert item.outcome is collect.Outcome.READ or item.reason
    (account,) = accounts
    assert (account.evaluated, account.rejected) == (events, rejected)


def _damaged(random_: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.randrange(1, 12)):
        at = random_.randrange(len(changed))
        match random_.randrange(5):
            case 0:
                changed[at] = random_.randrange(256)
            case 1:
                del changed[at : at + random_.randrange(1, 200)]
            case 2:
                changed[at:at] = random_.choice((b"\n", b"\0", b'"', b"{", b"\xff\xfe", b"\\ud800", b"[" * 2000))
            case 3:
                changed[at:at] = changed[at : at + random_.randrange(1, 400)]
            case _:
                changed[at : at + 8] = random_.randbytes(8)
        if not changed:
            return b""
    return bytes(changed)


def _fuzz(
    real: Sequence[bytes], suffix: str, count: int, folder: Path, mappings: Sequence[collect.LogMapping] = ()
) -> None:
    for seed in seeds(count):
        random_ = random.Random(seed)
        data = _damaged(random_, random_.choice(real))
        try:
            _read(data, folder / f"events{suffix}", mappings)
        except Exception as error:
            error.add_note(f"seed {seed}, {keep(data, f'events-{seed}{suffix}', folder)}")
            raise


def test_damaged_lines_are_accounted_for(tmp_path: Path) -> None:
    line = (
        '{"@timestamp":"2026-11-22T01:02:03Z","Hostname":"ws","Channel":"Security","EventID":4688,'
        '"SourceName":"x","NewProcessName":"C:\\\\防人.exe","Data":["a",null,{"b":1e5}]}\n'
    )
    _fuzz([line.encode() * 20], ".ndjson", 300, tmp_path)


def test_damaged_event_logs_are_accounted_for(shared: Path, tmp_path: Path) -> None:
    logs = sorted((shared / "corpora" / "sigma" / "regression").rglob("*.evtx"))
    small = [path.read_bytes() for path in logs if path.stat().st_size <= 70_000][:12]
    _fuzz(small, ".evtx", 120, tmp_path)


def test_damaged_linux_logs_are_accounted_for(tmp_path: Path) -> None:
    head = "msg=audit(1700000000.123:%d): "
    audit = (
        f'type=SYSCALL {head}arch=c000003e syscall=59 a0=7f exe="/bin/x" key=6101620A\x1dSYSCALL=execve AUID="a"\n'
        f'type=EXECVE {head}argc=2 a0="x" a1[0]=E998B2 a1[1]="y"\ntype=CWD {head}cwd="/"\n'
        f'node=h type=PATH {head}name="../etc" nametype=CREATE\ntype=SOCKADDR {head}saddr=02000050C0A80001\n'
        f"type=USER_LOGIN {head}pid=1 msg='op=x acct=\"a\" addr=::1 res=failed'\n"
    )
    syslog = (
        "<38>Oct 11 22:14:15 h sshd[1]: Failed password for invalid user 防人 from 10.0.0.1 port 5 ssh2\n"
        "2026-10-11T22:14:15.1+09:00 h sudo: a : TTY=x ; PWD=/ ; USER=root ; COMMAND=/bin/sh\n"
        '<165>1 2003-10-11T22:14:15.003Z h app 1 ID [a@1 b="c\\]"] x\n'
        "Feb 29 22:14:15 h sysmon: <Event><System><EventID>1</EventID><Channel>c</Channel></System>"
        "<EventData><Data Name='Image'>&#x1;x</Data></EventData></Event>\n"
    )
    journal = '{"__REALTIME_TIMESTAMP":"1700000000000000","SYSLOG_IDENTIFIER":"su","MESSAGE":[40,116,255],"_PID":"1"}\n'
    samples = ["".join(audit % ((number,) * 6) for number in range(5)), syslog * 5, journal * 10]
    _fuzz([sample.encode() for sample in samples], ".log", 300, tmp_path)


def test_damaged_network_logs_are_accounted_for(tmp_path: Path) -> None:
    zeek = (
        "#separator \\x09\n#set_separator\t,\n#path\tdns\n#fields\tts\tquery\tanswers\n"
        "#types\ttime\tstring\tset[string]\n"
        "1300475167.1\ta\\x2d防\t(empty)\n1300475167.2\t-\tb,\\x2c\n#close\tx\n"
    )
    eve = (
        '{"timestamp":"2026-11-22T10:02:03.1+0900","event_type":"dns","flow_id":1,'
        '"dns":{"queries":[{"rrname":"a"}]}}\n'
        '{"ts":1.5,"uid":"C","id":{"orig_h":"::1"},"conn_state":"SF"}\n'
    )
    cef = (
        "<1>Nov 22 01:02:03 relay CEF:0|V\\|v|P|1|2|n\\\\|3|"
        "rt=Nov 22 2026 01:02:03 JST cs1=a b cs1Label=防 人 msg=a\\=b\\n\n"
        "CEF:1|V|P|1|2|n|3|start=1600000000000 dtz=Asia/Tokyo\n"
    )
    leef = (
        "LEEF:2.0|V|P|1|2|x5E|src=::1^devTime=22/11/26 1:2 PM^devTimeFormat=dd/MM/yy h:m a\n"
        "LEEF:1.0|V|P|1|2|a=b\tdevTime=1600000000000\n"
    )
    w3c = (
        "#Software: x\n#Fields: date time c-ip cs(User-Agent) sc-status\n"
        '2026-11-22 01:02:03 ::1 "a b" 200\n2026-11-22 01:02:04 - 防+人 -\n'
    )
    _fuzz([sample.encode() * 5 for sample in (zeek, eve, cef, leef, w3c)], ".log", 400, tmp_path)


def test_damaged_cloud_logs_are_accounted_for(tmp_path: Path) -> None:
    trail = (
        '{"eventVersion":"1.08","awsRegion":"x","eventSource":"iam.amazonaws.com","eventTime":"2026-11-22T01:02:03Z",'
        '"userIdentity":{"type":"IAMUser","arn":"防人"},"requestParameters":{"a":[{"b":1},{"b":[2]}]}}'
    )
    sign_in = (
        '{"createdDateTime":"2026-11-22T01:02:03Z","appId":"x","correlationId":"y","status":{"errorCode":0},'
        '"deviceDetail":{"deviceId":"z"},"additionalDetails":[{"key":"k","value":"v"}]}'
    )
    real = [
        f'{{"Records":[{",".join([trail] * 20)}]}}',
        f'{{"@odata.context":"x","value":[{",".join([sign_in] * 20)}],"n":1}}',
        "\n".join([f'{{"records":[{sign_in},{trail}]}}'] * 10),
        f"[{trail},\n{sign_in}]" * 8,
    ]
    _fuzz([text.encode() for text in real], ".json", 200, tmp_path)


def test_damaged_windows_xml_is_accounted_for(tmp_path: Path) -> None:
    event = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='x'/>"
        "<EventID>4688</EventID><TimeCreated SystemTime='2026-11-22T01:02:03.1234567Z'/><Channel>Security</Channel>"
        "</System><EventData><Data Name='CommandLine'>防人 &amp; &#x41;</Data><Data>a</Data></EventData></Event>\r\n"
    )
    text = f"<?xml version='1.0'?><Events>{event * 12}</Events>"
    _fuzz([text.encode(), text.encode("utf-16")], ".xml", 200, tmp_path)


def test_damaged_tables_are_accounted_for(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "format: csv\nencoding: cp932\nrecognise: [日時]\nproduct: p\n"
        'time: {field: 日時, format: "%Y/%m/%d", zone: Asia/Tokyo}\n',
        encoding="utf-8",
    )
    table = "日時,表題\n" + '2026/11/22,"ポ, ""x""\n次"\n2026/11/23,y\n' * 10
    _fuzz([table.encode("cp932")], ".csv", 200, tmp_path, [collect.read_mapping(mapping)])


def test_damaged_alerts_are_accounted_for(tmp_path: Path) -> None:
    lines = b"".join(orjson.dumps(alert) + b"\n" for alert in samples.ALL.values())
    answers = [
        orjson.dumps({"took": 1, "hits": {"total": 1, "hits": [{"_id": "1", "_source": samples.ELASTIC}] * 3}}),
        orjson.dumps({"meta": {}, "resources": [samples.CROWDSTRIKE] * 3, "errors": []}),
        orjson.dumps({"value": [samples.GRAPH] * 3}) * 2,
    ]
    _fuzz([lines, lines, *answers], ".json", 400, tmp_path)
