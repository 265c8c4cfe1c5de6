"""What the offline investigator says, proposes and leaves to people."""

import asyncio

from sakimori.core import ManualClock
from sakimori.investigate import Case, NoFurtherEvidence, OfflineInvestigator
from sakimori.records import Citation, Command, Disposition, Route, Severity, Verdict, cell_texts, from_json, to_json

from .stories import IMPACT, LSASS, MOVE, SHADOWS, THEFT, case_of, event, finding, kept_events

NOW = 1234


def investigate(case: Case) -> Verdict:
    return asyncio.run(OfflineInvestigator(ManualClock(NOW)).investigate(case))


def test_a_story_of_several_severe_steps_is_malicious_and_answered() -> None:
    verdict = investigate(case_of(THEFT, IMPACT, MOVE))
    assert verdict.investigator == "offline"
    assert verdict.model is None
    assert "No model was used." in verdict.summary
    assert "モデルは使用していない" in verdict.summary_ja
    assert verdict.disposition is Disposition.MALICIOUS
    assert verdict.route is Route.RESPOND
    assert verdict.reasons == ("severe-story-proved", "malicious-proved-respond")
    assert verdict.made_at == NOW
    assert {(proposal.command, proposal.target.value) for proposal in verdict.proposals} == {
        (Command.ISOLATE_HOST, "ws-01.bank.example"),
        (Command.ISOLATE_HOST, "srv-02.bank.example"),
        (Command.DISABLE_ACCOUNT, "sato"),
        (Command.DISABLE_ACCOUNT, "adm-ito"),
    }


def test_claims_say_who_did_what_where_in_both_languages_and_cite_it() -> None:
    claim = investigate(case_of(THEFT, IMPACT)).claims[0]
    assert claim.statement == "C:\\Temp\\m.exe read the memory of LSASS on WS-01.bank.example as BANK\\sato"
    assert claim.statement_ja.startswith("WS-01.bank.example で C:\\Temp\\m.exe が BANK\\sato として")
    assert Citation(event_id=LSASS.event_id, field="SourceUser", value="BANK\\sato") in claim.citations


def test_every_citation_is_true() -> None:
    verdict = investigate(case_of(THEFT, IMPACT, MOVE))
    kept = kept_events()
    for cited in [item for part in (*verdict.claims, *verdict.proposals) for item in part.citations]:
        proof = kept.event(cited.event_id)
        assert proof is not None
        assert cited.value in cell_texts(proof.fields[cited.field])


def test_one_severe_finding_goes_to_a_person_and_contains_nothing() -> None:
    verdict = investigate(case_of(THEFT))
    assert (verdict.disposition, verdict.route) == (Disposition.SUSPICIOUS, Route.PERSON)
    assert verdict.proposals == ()


def test_a_critical_finding_is_enough() -> None:
    critical = finding(SHADOWS, Severity.CRITICAL, "impact", ["adm-ito"])
    assert investigate(case_of(critical)).route is Route.RESPOND


def test_a_minor_matter_is_watched() -> None:
    verdict = investigate(case_of(MOVE))
    assert (verdict.disposition, verdict.route) == (Disposition.SUSPICIOUS, Route.WATCH)


def test_an_event_that_says_too_little_leaves_the_case_to_a_person() -> None:
    bare = event(9, {"Unheard": "of"})
    silent = finding(event(9, {"EventID": "1", "Computer": "x"}), Severity.HIGH, "impact", [])
    kept = kept_events()
    kept.events[bare.event_id] = bare
    verdict = investigate(case_of(silent, evidence=kept))
    assert (verdict.disposition, verdict.route) == (Disposition.UNDETERMINED, Route.PERSON)
    assert verdict.severity is Severity.HIGH


def test_what_findings_quote_is_evidence_enough_where_events_were_not_kept() -> None:
    verdict = investigate(case_of(THEFT, evidence=NoFurtherEvidence()))
    assert len(verdict.claims) == 1
    assert verdict.claims[0].citations


def test_machine_and_built_in_accounts_are_never_to_be_disabled() -> None:
    by_system = event(1, {**LSASS.fields, "SourceUser": "NT AUTHORITY\\SYSTEM"})
    kept = kept_events()
    kept.events[by_system.event_id] = by_system
    verdict = investigate(case_of(finding(by_system, Severity.CRITICAL, "credential-access", []), evidence=kept))
    assert [proposal.command for proposal in verdict.proposals] == [Command.ISOLATE_HOST]


def test_the_host_that_only_recorded_a_logon_is_not_isolated() -> None:
    logon = finding(kept_events().events[MOVE.event_ids[0]], Severity.CRITICAL, "lateral-movement", ["adm-ito"])
    assert [p.command for p in investigate(case_of(logon)).proposals] == [Command.DISABLE_ACCOUNT]


def test_the_same_case_gets_the_same_verdict_and_it_survives_storage() -> None:
    case = case_of(THEFT, IMPACT, MOVE)
    verdict = investigate(case)
    assert investigate(case) == verdict
    assert from_json(Verdict, to_json(verdict)) == verdict


def test_template_language_in_evidence_is_only_text() -> None:
    evil = event(2, {**SHADOWS.fields, "CommandLine": "{{ 7 * 7 }} delete shadows {% raw %}"})
    kept = kept_events()
    kept.events[evil.event_id] = evil
    (claim,) = investigate(case_of(IMPACT, evidence=kept)).claims
    assert "{{ 7 * 7 }}" in claim.statement
