"""One alert per product on the same host and account, written by hand after the vendors' published fields."""

import copy
from typing import Any

HOST = "ws-01.bank.example"
USER = "tanaka"
SHA256 = "8963a19fb992ad9a76576c5638fd68292cffb9aaac29eb8285f9abf6196a7dec"

OCSF: dict[str, Any] = {
    "class_uid": 2004,
    "category_uid": 2,
    "activity_id": 1,
    "type_uid": 200401,
    "time": 1781568065000,
    "severity_id": 4,
    "status_id": 1,
    "metadata": {"version": "1.8.0", "product": {"name": "Sentry", "vendor_name": "Acme"}, "uid": "m-1"},
    "finding_info": {
        "uid": "ocsf-1",
        "title": "Credentials were dumped",
        "analytic": {"type_id": 1, "uid": "acme-77", "name": "LSASS dump"},
        "first_seen_time": 1781568060000,
        "attacks": [
            {
                "tactics": [{"uid": "TA0006", "name": "Credential Access"}],
                "technique": {"uid": "T1003"},
                "sub_technique": {"uid": "T1003.001"},
            }
        ],
    },
    "device": {"type_id": 2, "hostname": "WS-01", "domain": "bank.example", "ip": "10.0.0.5"},
    "evidences": [
        {
            "actor": {"user": {"name": "BANK\\Tanaka"}},
            "process": {
                "name": "rundll32.exe",
                "cmd_line": "rundll32.exe comsvcs.dll, MiniDump",
                "file": {"path": "C:\\Temp\\x.exe", "hashes": [{"algorithm_id": 3, "value": SHA256.upper()}]},
            },
        }
    ],
    "observables": [{"type_id": 2, "name": "device.ip", "value": "10.0.0.5"}],
}

ELASTIC: dict[str, Any] = {
    "@timestamp": "2026-06-16T00:03:00.000Z",
    "event": {"kind": "signal"},
    "host": {"name": "ws-01", "hostname": "WS-01", "domain": "bank.example", "ip": ["10.0.0.5"]},
    "user": {"name": "Tanaka", "domain": "BANK"},
    "process": {"executable": "C:\\Temp\\x.exe", "command_line": "x.exe -enc A", "hash": {"sha256": SHA256}},
    "winlog": {"event_id": "1", "channel": "Security", "computer_name": HOST},
    "kibana.alert.uuid": "elastic-1",
    "kibana.alert.rule.name": "Suspicious PowerShell",
    "kibana.alert.rule.rule_id": "66177997-e44c-45a3-a2c9-c6196bb7b8ae",
    "kibana.alert.rule.uuid": "c55330b0-82ad-11ed-93ff-3323f74f31a3",
    "kibana.alert.severity": "high",
    "kibana.alert.risk_score": 73,
    "kibana.alert.workflow_status": "open",
    "kibana.alert.original_time": "2026-06-16T00:01:05.000Z",
    "kibana.alert.rule.threat": [
        {
            "framework": "MITRE ATT&CK",
            "tactic": {"id": "TA0002", "name": "Execution"},
            "technique": [{"id": "T1059", "name": "x", "subtechnique": [{"id": "T1059.001", "name": "PowerShell"}]}],
        }
    ],
}

GRAPH: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.security.alert",
    "id": "graph-1",
    "providerAlertId": "da637551227677560813_-961444813",
    "incidentId": "28282",
    "status": "new",
    "severity": "high",
    "classification": "unknown",
    "determination": "unknown",
    "serviceSource": "microsoftDefenderForEndpoint",
    "detectionSource": "antivirus",
    "detectorId": "e0da400f-affd-43ef-b1d5-afc2eb6f2756",
    "title": "Suspicious execution of hidden file",
    "category": "DefenseEvasion",
    "mitreTechniques": ["T1564.001"],
    "createdDateTime": "2026-06-16T00:09:00.7211305Z",
    "firstActivityDateTime": "2026-06-16T00:01:05.116Z",
    "lastActivityDateTime": "2026-06-16T00:02:05.116Z",
    "evidence": [
        {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": "WS-01.bank.example"},
        {
            "@odata.type": "#microsoft.graph.security.userEvidence",
            "userAccount": {"accountName": "Tanaka", "domainName": "BANK", "userPrincipalName": "tanaka@bank.example"},
        },
        {
            "@odata.type": "#microsoft.graph.security.processEvidence",
            "processCommandLine": '"x.exe"',
            "imageFile": {"sha256": SHA256, "fileName": "x.exe", "filePath": "C:\\Temp"},
            "userAccount": {"accountName": "SYSTEM", "domainName": "NT AUTHORITY"},
        },
        {"@odata.type": "#microsoft.graph.security.ipEvidence", "ipAddress": "203.0.113.7"},
    ],
}

SPLUNK: dict[str, Any] = {
    "_time": "2026-06-16T09:01:05.000+09:00",
    "event_id": "5BF0C1D2@@notable@@5bf0c1d2",
    "rule_name": "Brute Force Access Behavior Detected",
    "rule_title": "Brute force against WS-01",
    "search_name": "Access - Brute Force Access Behavior Detected - Rule",
    "security_domain": "access",
    "severity": "medium",
    "urgency": "high",
    "status_label": "New",
    "src": "203.0.113.7",
    "dest": "WS-01.bank.example",
    "user": "BANK\\Tanaka",
    "risk_object": "tanaka\nws-01.bank.example",
    "risk_object_type": "user\nsystem",
    "annotations.mitre_attack.mitre_tactic": "credential-access",
    "annotations.mitre_attack": "T1110\nT1110.003",
}

CROWDSTRIKE: dict[str, Any] = {
    "composite_id": "92012896:ind:2ce412d1:399748687993-5761-42627600",
    "cid": "92012896",
    "name": "ProcAccessLsass",
    "display_name": "Credential theft",
    "description": "A process read the memory of LSASS.",
    "severity": 70,
    "severity_name": "High",
    "status": "new",
    "pattern_id": 5761,
    "tactic": "Credential Access",
    "tactic_id": "TA0006",
    "technique": "OS Credential Dumping",
    "technique_id": "T1003",
    "timestamp": "2026-06-16T00:01:05.328Z",
    "created_timestamp": "2026-06-16T00:02:23.995794943Z",
    "device": {"device_id": "2ce412", "hostname": "WS-01", "machine_domain": "BANK.EXAMPLE", "local_ip": "10.0.0.5"},
    "user_name": "Tanaka",
    "user_principal": "tanaka@bank.example",
    "filename": "x.exe",
    "filepath": "\\Device\\HarddiskVolume3\\Temp\\x.exe",
    "sha256": SHA256,
    "sha1": "0" * 40,
    "cmdline": "x.exe",
}

DETECTION_SUMMARY: dict[str, Any] = {
    "metadata": {
        "customerIDString": "92012896",
        "offset": 1,
        "eventType": "DetectionSummaryEvent",
        "eventCreationTime": 1781568065000,
        "version": "1.0",
    },
    "event": {
        "ComputerName": "WS-01",
        "MachineDomain": "bank.example",
        "UserName": "TANAKA",
        "DetectName": "NGAV",
        "DetectDescription": "This file is classified as malware.",
        "DetectId": "ldt:2ce412:163208931778",
        "Severity": 4,
        "SeverityName": "High",
        "Tactic": "Malware",
        "Technique": "PUP",
        "FileName": "x.exe",
        "SHA256String": SHA256,
        "PatternId": 5728,
        "NetworkAccesses": [{"Protocol": "TCP", "RemoteAddress": "203.0.113.7", "RemotePort": 443}],
    },
}

EPP_DETECTION_SUMMARY: dict[str, Any] = {
    "metadata": {**DETECTION_SUMMARY["metadata"], "eventType": "EppDetectionSummaryEvent"},
    "event": {
        "Hostname": "WS-01.bank.example",
        "UserName": "tanaka",
        "Name": "Known Malware",
        "CompositeId": "92012896:ind:2ce412:43186863960-41001-568080",
        "Severity": 70,
        "Tactic": "Malware",
        "Technique": "Malicious File",
        "PatternId": 41001,
    },
}

ALL: dict[str, dict[str, Any]] = {
    "ocsf": OCSF,
    "elastic": ELASTIC,
    "graph": GRAPH,
    "splunk": SPLUNK,
    "crowdstrike": CROWDSTRIKE,
    "detection summary": DETECTION_SUMMARY,
    "epp detection summary": EPP_DETECTION_SUMMARY,
}


def changed(alert: dict[str, Any], **members: object) -> dict[str, Any]:
    """A copy with some members of the top level replaced; None takes one away."""
    made = copy.deepcopy(alert) | members
    return {name: value for name, value in made.items() if value is not None}
