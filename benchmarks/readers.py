"""How fast each format becomes batches, all fields as columns: CPU time of one core, of generated logs."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from benchmarks.figure import Figure
from sakimori import collect
from sakimori.core import SystemClock
from sakimori.records import EventBatch

_COMMAND = "make bench ONLY=readers"
_RECORDS = 20_000
_EPOCH = 1_780_000_000

_EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Sysmon'/>"
    "<EventID>1</EventID><Level>4</Level><TimeCreated SystemTime='2026-06-16T01:02:03.1234567Z'/>"
    "<EventRecordID>{n}</EventRecordID><Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
    "<Computer>ws-{host}.bank.example</Computer></System><EventData><Data Name='Image'>C:\\Windows\\System32\\cmd.exe"
    "</Data><Data Name='CommandLine'>cmd /c whoami {n}</Data><Data Name='User'>BANK\\tanaka</Data>"
    "<Data Name='ProcessId'>{n}</Data><Data Name='ParentImage'>C:\\Windows\\explorer.exe</Data></EventData></Event>"
)


def _auditd(n: int) -> str:
    head = f"msg=audit({_EPOCH + n}.123:{n}): "
    return (
        f"type=SYSCALL {head}arch=c000003e syscall=59 success=yes exit=0 a0=7f a1=7e a2=7d a3=0 items=1 ppid=1 pid={n} "
        f'auid=1000 uid=1000 gid=1000 euid=1000 tty=pts0 ses=3 comm="ls" exe="/usr/bin/ls" key=(null)\n'
        f'type=EXECVE {head}argc=3 a0="ls" a1="-la" a2="/srv/{n % 97}"\ntype=CWD {head}cwd="/home/tanaka"\n'
        f'type=PATH {head}item=0 name="/usr/bin/ls" inode=131 dev=fd:00 mode=0100755 ouid=0 ogid=0 nametype=NORMAL\n'
    )


def _syslog(n: int) -> str:
    peer = f"10.0.{n % 200}.7 port {1024 + n % 60_000}"
    return f"<38>Jun 16 01:02:03 bastion-{n % 9} sshd[{n}]: Failed password for root from {peer} ssh2\n"


def _journald(n: int) -> str:
    return _line(
        {
            "__REALTIME_TIMESTAMP": str((_EPOCH + n) * 1_000_000),
            "_HOSTNAME": f"app-{n % 40}",
            "_SYSTEMD_UNIT": "ssh.service",
            "SYSLOG_IDENTIFIER": "sshd",
            "_PID": str(n),
            "MESSAGE": f"Accepted publickey for tanaka from 10.0.0.{n % 250} port {n % 60_000} ssh2: ED25519 SHA256:x",
        }
    )


def _cloudtrail(n: int) -> str:
    return _line(
        {
            "eventVersion": "1.08",
            "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::1:user/u{n % 50}", "userName": f"u{n % 50}"},
            "eventTime": "2026-06-16T01:02:03Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject",
            "awsRegion": "ap-northeast-1",
            "sourceIPAddress": f"203.0.113.{n % 250}",
            "userAgent": "aws-cli/2",
            "requestParameters": {"bucketName": "b", "key": f"k/{n}"},
            "responseElements": None,
            "eventID": f"e-{n}",
        }
    )


def _entra(n: int) -> str:
    return _line(
        {
            "id": f"s-{n}",
            "createdDateTime": "2026-06-16T01:02:03Z",
            "userPrincipalName": f"u{n % 500}@bank.example",
            "appDisplayName": "Office 365",
            "appId": "a",
            "correlationId": "c",
            "ipAddress": f"203.0.113.{n % 250}",
            "clientAppUsed": "Browser",
            "status": {"errorCode": 50126, "failureReason": "Invalid username or password."},
            "deviceDetail": {"deviceId": "", "operatingSystem": "Windows 11"},
            "location": {"city": "Tokyo", "countryOrRegion": "JP"},
        }
    )


def _suricata(n: int) -> str:
    return _line(
        {
            "timestamp": "2026-06-16T01:02:03.123456+0900",
            "flow_id": n,
            "event_type": "dns",
            "src_ip": f"10.1.{n % 250}.4",
            "src_port": 53_124,
            "dest_ip": "10.0.0.53",
            "dest_port": 53,
            "proto": "UDP",
            "dns": {"type": "query", "id": n % 65_536, "rrname": f"h{n}.example", "rrtype": "A"},
        }
    )


def _winlogbeat(n: int) -> str:
    data = {"CommandLine": f"cmd /c whoami {n}", "Image": "C:\\Windows\\System32\\cmd.exe", "User": "BANK\\tanaka"}
    return _line(
        {
            "@timestamp": "2026-06-16T01:02:03.123Z",
            "winlog": {
                "channel": "Microsoft-Windows-Sysmon/Operational",
                "event_id": "1",
                "computer_name": f"ws-{n % 80}.bank.example",
                "provider_name": "Microsoft-Windows-Sysmon",
                "record_id": n,
                "event_data": data,
            },
        }
    )


def _line(record: dict[str, object]) -> str:
    return orjson.dumps(record).decode() + "\n"


_ZEEK_HEAD = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tconn_state\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tstring\n"
)
_W3C_HEAD = "#Version: 1.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip sc-status\n"
_FORMATS: dict[str, tuple[str, Callable[[int], str]]] = {
    "auditd, 4 records each": ("", _auditd),
    "syslog (sshd)": ("", _syslog),
    "systemd journal": ("", _journald),
    "Sysmon for Linux": ("", lambda n: f"Jun 16 01:02:03 app-{n % 40} sysmon: {_EVENT.format(n=n, host=n % 40)}\n"),
    "Windows XML": ("", lambda n: _EVENT.format(n=n, host=n % 80) + "\n"),
    "Winlogbeat": ("", _winlogbeat),
    "CloudTrail": ("", _cloudtrail),
    "Entra ID sign-ins": ("", _entra),
    "Zeek TSV (conn)": (
        _ZEEK_HEAD,
        lambda n: f"{_EPOCH + n}.123456\tC{n}\t10.0.0.{n % 250}\t{n % 60_000}\t192.0.2.7\t443\ttcp\tssl\tSF\n",
    ),
    "Suricata EVE (dns)": ("", _suricata),
    "CEF": (
        "",
        lambda n: (
            f"<134>Jun 16 01:02:03 relay CEF:0|Vendor|Firewall|1.0|{n % 50}|Traffic denied|5|"
            f"rt={_EPOCH + n}000 src=10.0.0.{n % 250} dst=192.0.2.7 spt={n % 60_000} dpt=443 act=deny msg=rule\n"
        ),
    ),
    "LEEF": (
        "",
        lambda n: (
            f"LEEF:1.0|Vendor|IDS|1.0|{n % 50}|devTime={_EPOCH + n}000\tsrc=10.0.0.{n % 250}\tdst=192.0.2.7\tsev=5\n"
        ),
    ),
    "W3C extended (IIS)": (
        _W3C_HEAD,
        lambda n: f"2026-06-16 01:02:03 10.0.0.1 GET /app/{n % 999} id={n} 443 203.0.113.{n % 250} 200\n",
    ),
}


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return [_figure(name, head, record, Path(folder) / "log") for name, (head, record) in _FORMATS.items()]


def _figure(name: str, head: str, record: Callable[[int], str], path: Path) -> Figure:
    path.write_text(head + "".join(map(record, range(_RECORDS))), "utf-8")
    seconds, events = min(_pass(path) for _ in range(3))
    size = path.stat().st_size
    beside = f"{size / seconds / 1e6:,.1f} MB/s, {size / events:,.0f} bytes an event"
    return Figure(f"{name} to batches", events / seconds, "events/s/core", beside, _COMMAND)


def _pass(path: Path) -> tuple[float, int]:
    start, events = time.process_time(), 0
    for item in collect.read([path], tenant="benchmark", clock=SystemClock()):
        if isinstance(item, EventBatch):
            events += len(item)
        elif isinstance(item, collect.SourceRead) and (item.rejected or not item.evaluated):
            raise SystemExit(f"{path}: {item}")
    return time.process_time() - start, events
