"""Microsoft Graph security alerts, v2: what ``GET /security/alerts_v2`` answers (Defender XDR and what feeds it).

Source: "alert resource type", https://learn.microsoft.com/graph/api/resources/security-alert and the pages of the types
of its ``evidence``: deviceEvidence, userEvidence, ipEvidence, urlEvidence, fileEvidence, processEvidence,
mailboxEvidence, analyzedMessageEvidence. Evidence is read by the names of its members, whatever its ``@odata.type``.
"""

from collections.abc import Iterator
from itertools import chain

from sakimori.collect.alerts.alert import Alert
from sakimori.collect.alerts.members import (
    Named,
    distinct,
    entities,
    entity,
    first_time,
    host,
    needed,
    objects,
    severity_named,
    text,
    texts,
    title,
)
from sakimori.collect.shapes import Fields
from sakimori.collect.shapes.nested import flattened
from sakimori.records import Entity, EntityType

NAME = "graph"

_TYPE = "#microsoft.graph.security.alert"
_PRODUCTS = {
    "microsoftDefenderForEndpoint": "Microsoft Defender for Endpoint",
    "microsoftDefenderForIdentity": "Microsoft Defender for Identity",
    "microsoftDefenderForCloudApps": "Microsoft Defender for Cloud Apps",
    "microsoftDefenderForOffice365": "Microsoft Defender for Office 365",
    "microsoftDefenderForCloud": "Microsoft Defender for Cloud",
    "azureAdIdentityProtection": "Microsoft Entra ID Protection",
    "microsoftAppGovernance": "Microsoft app governance",
    "dataLossPrevention": "Microsoft Purview Data Loss Prevention",
}
"""By ``serviceSource``."""
_OTHERWISE = "Microsoft Defender XDR"
_ENTITIES: Named = (
    (EntityType.USER, "userAccount.accountName"),
    (EntityType.USER, "userAccount.userPrincipalName"),
    (EntityType.USER, "loggedOnUsers.accountName"),
    (EntityType.IP, "ipAddress"),
    (EntityType.IP, "senderIp"),
    (EntityType.URL, "url"),
    (EntityType.HASH, "fileDetails.sha256"),
    (EntityType.HASH, "fileDetails.sha1"),
    (EntityType.HASH, "imageFile.sha256"),
    (EntityType.HASH, "imageFile.sha1"),
    (EntityType.MAIL, "primaryAddress"),
    (EntityType.MAIL, "recipientEmailAddress"),
    (EntityType.MAIL, "p1Sender.emailAddress"),
    (EntityType.MAIL, "p2Sender.emailAddress"),
)
"""Of one piece of evidence."""
_HARMLESS = {"falsePositive", "informationalExpectedActivity"}
_SHOWN = (
    "id",
    "providerAlertId",
    "serviceSource",
    "detectorId",
    "title",
    "description",
    "category",
    "severity",
    "status",
    "classification",
    "determination",
    "threatDisplayName",
    "alertWebUrl",
    "evidence.deviceDnsName",
    "evidence.userAccount.accountName",
    "evidence.ipAddress",
    "evidence.url",
    "evidence.processCommandLine",
    "evidence.fileDetails.fileName",
)


def recognises(record: Fields) -> bool:
    return record.get("@odata.type") == _TYPE or (
        "serviceSource" in record and "evidence" in record and "providerAlertId" in record
    )


def alert(record: Fields) -> Alert:
    fields = flattened(record)
    name = title(fields, "title")
    return Alert(
        product=_PRODUCTS.get(text(fields, "serviceSource"), _OTHERWISE),
        id=needed(fields, "id"),
        rule=text(fields, "detectorId", "alertPolicyId") or name or needed(fields, "title"),
        title=name,
        severity=severity_named(text(fields, "severity")),
        benign=text(fields, "classification") in _HARMLESS,
        first=first_time(fields, "firstActivityDateTime", "createdDateTime"),
        last=first_time(fields, "lastActivityDateTime", "createdDateTime"),
        tactics=texts(fields, "category"),
        techniques=texts(fields, "mitreTechniques"),
        entities=distinct(chain.from_iterable(map(_entities, objects(record.get("evidence"))))),
        shown={name: fields.get(name) for name in _SHOWN},
    )


def _entities(evidence: Fields) -> Iterator[Entity | None]:
    fields = flattened(evidence)
    yield host(text(fields, "deviceDnsName", "hostName"), text(fields, "dnsDomain"))
    yield from entities(fields, _ENTITIES)
    for place in ("fileDetails", "imageFile"):
        folder, name = text(fields, f"{place}.filePath"), text(fields, f"{place}.fileName")
        yield entity(EntityType.FILE, f"{folder}\\{name}" if folder and name else name)
