from dataclasses import replace
from decimal import Decimal

import pytest

from sakimori.core import InputError
from sakimori.records import (
    DataClass,
    Disposition,
    Document,
    Entity,
    EntityType,
    Evidence,
    Execution,
    Finding,
    Grant,
    GrantState,
    Incident,
    IncidentStatus,
    Inventory,
    Limit,
    Plan,
    Route,
    Severity,
    Source,
    Verdict,
    Window,
)
from sakimori.store import Database, WrongTenant, evidence

HOST = Entity(type=EntityType.HOST, value="経理-01.bank.example")


def verdict(number: int, *, made_at: int, incident_id: str = "in-1", tenant: str = "a") -> Verdict:
    return Verdict(
        id=f"vd-{number}",
        tenant=tenant,
        incident_id=incident_id,
        investigator="offline",
        model=None,
        disposition=Disposition.UNDETERMINED,
        severity=Severity.HIGH,
        route=Route.PERSON,
        summary="wire",
        summary_ja="振込\0 ＦＵＬＬ width 😀",
        claims=(),
        dropped=(),
        proposals=(),
        reasons=("r",),
        made_at=made_at,
    )


DOCUMENTS: list[Document] = [
    Source(tenant="a", digest="ab" * 32, path="銀行.zip!a.evtx", format="evtx", size=1),
    Finding(
        id="fn-1",
        tenant="a",
        rule_id="r",
        title="題",
        severity=Severity.LOW,
        first_time=-5,
        last_time=2**62,
        entities=(HOST,),
        evidence=(Evidence(event_id="ev-1", time=1, fields={"Image": "\0[]"}),),
    ),
    Incident(
        id="in-1",
        tenant="a",
        title="t",
        title_ja="題",
        severity=Severity.CRITICAL,
        score=99.5,
        first_time=1,
        last_time=2,
        finding_ids=("fn-1",),
        entities=(HOST,),
    ),
    verdict(1, made_at=3),
    Plan(id="pl-1", tenant="a", incident_id="in-1", playbook_ids=("p",), actions=(), made_at=4),
    Execution(id="ex-1", tenant="a", plan_id="pl-1", incident_id="in-1", dry_run=True, started_at=5, steps=()),
    Inventory(tenant="a", taken_at=6, hosts=(), accounts=()),
    Grant(
        id="gr-1",
        tenant="a",
        state=GrantState.READY,
        models=("m",),
        purposes=("triage",),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.DAY, tokens=1, yen=Decimal("0.30")),),
        not_before=0,
        not_after=10,
    ),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: type(document).__name__)
def test_a_document_comes_back_as_it_was_and_only_to_its_institution(database: Database, document: Document) -> None:
    cls = type(document)
    with database.transaction("a") as transaction:
        transaction.put(document)
    with database.snapshot("a") as snapshot:
        assert snapshot.get(cls, document.id) == document
        assert snapshot.all(cls) == [document]
    with database.snapshot("b") as snapshot:
        assert snapshot.get(cls, document.id) is None
        assert snapshot.all(cls) == []


def test_two_institutions_may_use_the_same_id(database: Database) -> None:
    for tenant in ("a", "b"):
        with database.transaction(tenant) as transaction:
            transaction.put(verdict(1, made_at=1, tenant=tenant))
    with database.transaction("b") as transaction:
        transaction.put(verdict(1, made_at=2, tenant="b"))
    with database.snapshot("a") as snapshot:
        assert snapshot.all(Verdict) == [verdict(1, made_at=1)]


def test_a_document_of_another_institution_is_refused_with_all_beside_it(database: Database) -> None:
    with database.transaction("a") as transaction:
        with pytest.raises(WrongTenant, match="Verdict vd-2 belongs to institution 'b' and cannot be kept for 'a'"):
            transaction.put(verdict(1, made_at=1), verdict(2, made_at=2, tenant="b"))
        assert transaction.all(Verdict) == []


def test_putting_again_replaces(database: Database) -> None:
    incident = next(document for document in DOCUMENTS if isinstance(document, Incident))
    resolved = replace(incident, status=IncidentStatus.RESOLVED)
    with database.transaction("a") as transaction:
        transaction.put(incident)
        transaction.put(resolved, incident, resolved)
        assert transaction.all(Incident) == [resolved]
        assert transaction.all(Incident, where={"status": IncidentStatus.NEW}) == []
        assert transaction.all(Incident, where={"status": "resolved"}) == [resolved]


def test_documents_come_in_order_of_time_then_id(database: Database) -> None:
    made = [verdict(3, made_at=1), verdict(1, made_at=2), verdict(2, made_at=2, incident_id="in-2")]
    with database.transaction("a") as transaction:
        transaction.put(*reversed(made))
        assert transaction.all(Verdict) == made
        assert transaction.all(Verdict, newest_first=True) == made[::-1]
        assert transaction.all(Verdict, newest_first=True, limit=1) == made[-1:]
        assert transaction.all(Verdict, where={"incident_id": "in-1"}) == made[:2]


def test_a_column_that_is_not_there_cannot_be_asked_for(database: Database) -> None:
    with database.snapshot("a") as snapshot, pytest.raises(TypeError, match="Verdict has no column 'body'"):
        snapshot.all(Verdict, where={"body": "x"})


def test_a_document_that_was_edited_in_the_file_is_not_taken(database: Database) -> None:
    with database.transaction("a") as transaction:
        transaction.put(verdict(1, made_at=1))
        transaction.connection.exec_driver_sql("UPDATE verdict SET body = replace(body, 'offline', '') || '!'")
        with pytest.raises(InputError, match=r"sakimori\.verdict/1: not valid JSON"):
            transaction.get(Verdict, "vd-1")


def test_a_source_is_found_by_how_event_ids_name_it(database: Database) -> None:
    def source(digest: str, start: int = 0) -> Source:
        return Source(tenant="a", digest=digest, path="p", format="ndjson", size=1, start=start)

    one, two = "a" * 24 + "0" * 40, "a" * 23 + "b" + "0" * 40
    with database.transaction("a") as transaction:
        transaction.put(source(one, 1000), source(one, 20), source(two))
        assert transaction.find_source("a" * 24) == source(one, 20)
        assert transaction.find_source(two[:24]) == source(two)
        assert transaction.find_source("f" * 24) is None
        assert transaction.find_source("%" * 24) is None
    with database.snapshot("b") as snapshot:
        assert snapshot.find_source(one[:24]) is None


def test_evidence_never_changes(database: Database) -> None:
    raw = bytes(range(256))
    with database.transaction("a") as transaction:
        evidence.put_raw(transaction, "ev-1", raw)
        evidence.put_raw(transaction, "ev-1", b"forged")
        evidence.put_raw(transaction, "ev-2", b"")
    with database.snapshot("a") as snapshot:
        assert evidence.get_raw(snapshot, "ev-1") == raw
        assert evidence.get_raw(snapshot, "ev-2") == b""
        assert evidence.get_raw(snapshot, "ev-3") is None
    with database.snapshot("b") as snapshot:
        assert evidence.get_raw(snapshot, "ev-1") is None
