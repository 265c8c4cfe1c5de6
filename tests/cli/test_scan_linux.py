"""Linux telemetry through ``sakimori scan``: Sigma's log sources for Linux mean the events that files really hold."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sakimori.cli import cli

_AUDIT = r"""
node=web1 type=SYSCALL msg=audit(1700000000.123:1): arch=c000003e syscall=59 a0=5 exe="/usr/bin/wget" key="tools"
node=web1 type=EXECVE msg=audit(1700000000.123:1): argc=2 a0="wget" a1="--post-file=/etc/shadow"
node=web1 type=SYSCALL msg=audit(1700000001.000:2): arch=c000003e syscall=41 success=yes a0=26 exe="/tmp/p" key=(null)
node=web1 type=CWD msg=audit(1700000000.123:1): cwd="/etc"
node=web1 type=PATH msg=audit(1700000000.123:1): item=0 name="systemd/system" nametype=PARENT
node=web1 type=PATH msg=audit(1700000000.123:1): item=1 name="systemd/system/x.service" nametype=CREATE
node=web1 type=PROCTITLE msg=audit(1700000000.123:1): proctitle=77676574002D78002D2D746F2D706F727473003432
node=web1 type=SERVICE_STOP msg=audit(1700000002.000:3): pid=1 msg='unit=ufw exe="/x" addr=10.0.0.9 res=success'
""".strip()
_SYSLOG = """
Oct 11 22:14:15 web1 sshd[4711]: fatal: incorrect signature
Oct 11 22:14:15 web1 sudo:    alice : TTY=pts/0 ; PWD=/tmp ; USER=#-1 ; COMMAND=/bin/sh
Oct 11 22:14:15 web1 crontab[9]: (bob) REPLACE (bob)
Oct 11 22:14:15 web1 pkexec[9]: alice: The value for environment variable XAUTHORITY contains suspicious content
Oct 11 22:14:15 web1 named[9]: client denied AXFR from 10.0.0.9
Oct 11 22:14:15 web1 sysmon: <Event><System><EventID>1</EventID><Channel>Linux-Sysmon/Operational</Channel>\
<Computer>web1</Computer></System><EventData><Data Name="Image">/usr/bin/nc</Data></EventData></Event>
""".strip()
_JOURNAL = "\n".join(
    json.dumps({"__REALTIME_TIMESTAMP": "1700000000000000", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": message})
    for message in ("fatal: incorrect signature", list(b"incorrect signature \x07"))
)

_RULES = {
    "arguments": ("service: auditd", "{type: EXECVE, a0: wget, a1|startswith: '--post-file='}"),
    "system call": ("service: auditd", "{type: SYSCALL, SYSCALL: socket, a0: 26}"),
    "key": ("service: auditd", "{key: tools}"),
    "arguments and program": ("service: auditd", "{type: EXECVE, exe|endswith: /wget}"),
    "path": ("service: auditd", "{type: PATH, nametype: CREATE, name|startswith: /etc/systemd/system/}"),
    "whole command line": ("service: auditd", "['--to-ports 42']"),
    "unit": ("service: auditd", "{type: SERVICE_STOP, unit: ufw}"),
    "sshd": ("service: sshd", "['incorrect signature']"),
    "sudo": ("service: sudo", "{USER: '#-*'}"),
    "cron": ("service: cron", "['REPLACE']"),
    "auth": ("service: auth", "{'|all': ['pkexec', 'XAUTHORITY contains suspicious content']}"),
    "syslog": ("service: syslog", "[' denied AXFR from ']"),
    "sysmon": ("category: process_creation", "{Image|endswith: /nc}"),
}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            _AUDIT,
            ["arguments", "arguments and program", "key", "path", "system call", "unit", "whole command line"],
        ),
        (_SYSLOG, ["auth", "cron", "sshd", "sudo", "syslog", "sysmon"]),
        (_JOURNAL, ["sshd", "sshd"]),
    ],
    ids=["auditd", "syslog", "journald"],
)
def test_each_rule_fires_once(
    content: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAKIMORI_HOME", str(tmp_path / "home"))
    rules = tmp_path / "rules"
    rules.mkdir()
    for number, (title, (source, detection)) in enumerate(_RULES.items()):
        (rules / f"{number}.yml").write_text(
            f"title: {title}\nid: 7b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c5d{number:02}\nstatus: test\nlevel: high\n"
            f"logsource: {{product: linux, {source}}}\ndetection:\n  s: {detection}\n  condition: s\n"
        )
    log = tmp_path / "some.log"
    log.write_text(content)
    result = CliRunner().invoke(cli, ["scan", str(log), "--rules", str(rules), "--format", "jsonl"])
    found = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert sorted(finding["title"] for finding in found) == expected
    if "web1" in content:
        assert all("host:web1" in finding["entities"] for finding in found)
