"""Cloud logs and Windows' XML through ``sakimori scan``: rules as SigmaHQ writes them fire on what is exported."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.collect.readers.test_windows_xml import event as windows_event
from tests.collect.shapes.test_azure_activity import EXPORTS as ACTIVITIES
from tests.collect.shapes.test_cloudtrail import record as cloudtrail_record
from tests.collect.shapes.test_entra import AUDITS, SIGN_INS

from sakimori.cli import cli

_CLOUDTRAIL = {
    "event": "{eventSource: iam.amazonaws.com, eventName: CreateUser, userIdentity.type: IAMUser}",
    "parameter": "{requestParameters.userName: Richard, errorCode: AccessDenied}",
    "element": "{requestParameters.tags.key: c}",
    "text of parameters": "{requestParameters|contains|all: ['\"key\":', Richard]}",
    "address": "{src_ip|cidr: 192.0.2.0/24}",
    "no response": "{responseElements: null}",
}
_SIGN_IN = {
    "columns": "{ResultType: 50158, AuthenticationRequirement: singleFactorAuthentication}",
    "members": "{resultType: 50158, properties.authenticationRequirement: singleFactorAuthentication}",
    "country": "{location|contains: JP}",
    "protocol": "{properties.message: Device Code}",
    "status": "{Status|contains: 'MFA Denied'}",
    "client": "{ClientApp: IMAP, NetworkLocationDetails: '[]'}",
    "device": "{DeviceDetail.deviceId: '', DeviceDetail.trusttype: null}",
    "not reached": "{ResultType: 0}",
}
_AUDIT = {
    "message": "{properties.message: Consent to application}",
    "consent": "{ConsentContext.IsAdminConsent: 'false', LoggedByService: Core Directory}",
    "operation": "{category: UserManagement, OperationName: Consent to application, Status: Success}",
    "target": "{TargetResources|contains: ServicePrincipal}",
    "change": "{TargetResources.ModifiedProperties.NewValue|contains: Member}",
    "detail": "{additionalDetails.additionalInfo|contains: device id}",
    "initiator": "{Initiatedby: sato@bank.example}",
}
_ACTIVITY = {
    "operation": "{operationName: MICROSOFT.KEYVAULT/VAULTS/WRITE}",
    "column": "{OperationNameValue: Microsoft.KeyVault/vaults/write, CategoryValue: Administrative}",
    "keyword": "['Microsoft.KeyVault/vaults/write']",
}
_XML = {"process": "{CommandLine|endswith: whoami}", "security": "{EventID: 4688, Channel: Security}"}


def _scan(folder: Path, content: bytes, logsource: str, rules: dict[str, str]) -> list[dict[str, Any]]:
    (folder / "rules").mkdir()
    for number, (title, selection) in enumerate(rules.items()):
        rule = (
            f"title: {title}\nid: 7b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c{number:04d}\nlevel: high\nlogsource: {logsource}\n"
        )
        text = f"{rule}detection: {{selection: {selection}, condition: selection}}\n"
        (folder / "rules" / f"{number}.yml").write_text(text)
    (folder / "log").write_bytes(content)
    command = ["scan", str(folder / "log"), "--rules", str(folder / "rules"), "--format", "jsonl"]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def _titles(findings: list[dict[str, Any]]) -> set[str]:
    return {finding["title"] for finding in findings}


def test_cloudtrail(home: Path, tmp_path: Path) -> None:
    content = json.dumps({"Records": [cloudtrail_record()]}).encode()
    findings = _scan(tmp_path, content, "{product: aws, service: cloudtrail}", _CLOUDTRAIL)
    assert _titles(findings) == set(_CLOUDTRAIL)
    assert {"user:saanvi", "user:richard", "ip:192.0.2.0"} <= set(findings[0]["entities"])


@pytest.mark.parametrize("export", SIGN_INS)
def test_sign_ins(home: Path, tmp_path: Path, export: str) -> None:
    content = json.dumps({"records": [SIGN_INS[export]]}).encode()
    findings = _scan(tmp_path, content, "{product: azure, service: signinlogs}", _SIGN_IN)
    assert _titles(findings) == set(_SIGN_IN) - {"not reached"}
    assert {"user:tanaka", "ip:203.0.113.9", "host:ws-01"} <= set(findings[0]["entities"])


@pytest.mark.parametrize("export", AUDITS)
def test_audits(home: Path, tmp_path: Path, export: str) -> None:
    content = json.dumps([AUDITS[export]]).encode()
    findings = _scan(tmp_path, content, "{product: azure, service: auditlogs}", _AUDIT)
    assert _titles(findings) == set(_AUDIT)
    assert "user:sato" in findings[0]["entities"]


@pytest.mark.parametrize("export", ACTIVITIES)
def test_activities(home: Path, tmp_path: Path, export: str) -> None:
    content = json.dumps(ACTIVITIES[export]).encode()
    assert _titles(_scan(tmp_path, content, "{product: azure, service: activitylogs}", _ACTIVITY)) == set(_ACTIVITY)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_windows_xml(home: Path, tmp_path: Path, codec: str) -> None:
    content = f"<Events>{windows_event(1)}</Events>".encode(codec)
    findings = _scan(tmp_path, content, "{product: windows, service: security}", _XML)
    assert _titles(findings) == set(_XML)
    shown = CliRunner().invoke(cli, ["events", "show", findings[0]["event_ids"][0]], catch_exceptions=False)
    assert "whoami" in shown.output
