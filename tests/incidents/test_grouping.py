"""What people rely on when findings become incidents."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import parse_rfc3339
from sakimori.incidents import HORIZON, group
from sakimori.records import Entity, EntityType, Finding, IncidentStatus, Severity

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE
START = parse_rfc3339("2026-11-20T01:00:00Z")


def host(name: str) -> Entity:
    return Entity(type=EntityType.HOST, value=name)


def user(name: str) -> Entity:
    return Entity(type=EntityType.USER, value=name)


def finding(
    number: int,
    *entities: Entity,
    minute: float = 0,
    severity: Severity = Severity.HIGH,
    tactics: Sequence[str] = (),
    tenant: str = "bank",
) -> Finding:
    time = START + int(minute * MINUTE)
    return Finding(
        id=f"fn-{number:024x}",
        tenant=tenant,
        rule_id=f"rule-{number}",
        title=f"Finding {number}",
        severity=severity,
        first_time=time,
        last_time=time,
        tactics=tuple(tactics),
        entities=entities,
    )


def ransomware() -> list[Finding]:
    """A helpdesk call, one workstation, stolen credentials, an admin account on thirty hosts; and the bank's day."""
    story = [
        finding(1, user("sato"), minute=0, severity=Severity.MEDIUM, tactics=["initial-access"]),
        finding(2, host("ws-01"), user("sato"), minute=9, tactics=["execution"]),
        finding(3, host("ws-01"), user("sato"), minute=31, tactics=["credential-access"]),
        finding(4, host("ws-01"), user("adm-ito"), minute=48, tactics=["lateral-movement"]),
    ]
    for number in range(30):
        name, minute = host(f"srv-{number:02}"), 60 + number
        story.append(finding(100 + number, name, user("adm-ito"), minute=minute, tactics=["lateral-movement"]))
        story.append(
            finding(
                200 + number,
                name,
                user("adm-ito"),
                minute=minute + 20,
                severity=Severity.CRITICAL,
                tactics=["impact"],
            )
        )
        story.append(finding(300 + number, name, minute=minute + 5, severity=Severity.LOW))
    return story


def test_one_ransomware_story_is_one_incident() -> None:
    (incident,) = group(ransomware(), [])
    assert incident.severity is Severity.CRITICAL
    assert len(incident.finding_ids) == len(ransomware())
    assert incident.tactics == ("initial-access", "execution", "credential-access", "lateral-movement", "impact")
    assert incident.title.startswith("Intrusion, theft of credentials, lateral movement and destruction or encryption")
    assert "on 31 hosts" in incident.title
    assert "adm-ito" in incident.title
    assert "31台" in incident.title_ja
    assert incident.score > 90


def test_an_admin_account_seen_everywhere_does_not_join_separate_matters() -> None:
    daily = [
        finding(number, host(f"ws-{number:02}"), user("adm-ito"), minute=number * 10, severity=Severity.MEDIUM)
        for number in range(40)
    ]
    assert len(group(daily, [])) == 40


def test_a_story_is_seen_in_spite_of_daily_work_by_the_same_account() -> None:
    daily = [
        finding(1000 + number, host(f"ws-{number:02}"), user("adm-ito"), minute=number * 2, severity=Severity.MEDIUM)
        for number in range(10, 50)
    ]
    story = {item.id for item in ransomware()}
    (incident,) = [each for each in group([*ransomware(), *daily], []) if len(each.finding_ids) > 1]
    assert set(incident.finding_ids) >= story


def test_everyday_findings_beside_severe_ones_join_stories_that_share_only_a_common_account() -> None:
    """Encryption runs as SYSTEM, so only the remote command before it, a medium matter, names the account."""
    storm: list[Finding] = []
    for number in range(40):
        name = host(f"ws-{number:02}")
        storm.append(finding(number, name, user("adm-ito"), minute=number, severity=Severity.MEDIUM))
        storm.append(finding(100 + number, name, minute=number + 2, severity=Severity.CRITICAL))
    assert len(group(storm, [])) == 1


def test_an_account_on_a_thousand_hosts_within_the_hour_is_one_incident() -> None:
    storm = [
        finding(number, host(f"ws-{number}"), user("adm-ito"), minute=number / 20, severity=Severity.CRITICAL)
        for number in range(1000)
    ]
    assert len(group(storm, [])) == 1


def test_matters_on_one_host_far_apart_are_separate() -> None:
    apart = HORIZON / MINUTE + 1
    assert len(group([finding(1, host("a")), finding(2, host("a"), minute=apart)], [])) == 2
    assert len(group([finding(1, host("a")), finding(2, host("a"), minute=apart - 2)], [])) == 1


def test_minor_findings_alone_make_no_incident_but_join_one() -> None:
    minor = [finding(number, host("a"), minute=number, severity=Severity.LOW) for number in range(5)]
    assert group(minor, []) == []
    (incident,) = group([*minor, finding(9, host("a"), minute=3)], [])
    assert set(incident.finding_ids) == {f"fn-{number:024x}" for number in (0, 1, 2, 3, 4, 9)}


def test_a_minor_finding_never_joins_two_stories() -> None:
    one, other = finding(1, host("a")), finding(2, host("b"))
    between = finding(3, host("a"), host("b"), minute=1, severity=Severity.LOW)
    incidents = group([one, other, between], [])
    assert len(incidents) == 2
    assert sum(between.id in incident.finding_ids for incident in incidents) == 1


def test_a_known_incident_is_extended_and_keeps_its_id() -> None:
    story = ransomware()
    known = group(story[:3], [])
    (after,) = group(story, known)
    assert after.id == known[0].id
    assert after.severity is Severity.CRITICAL
    assert group(story, []) == [after]


def test_a_known_incident_is_extended_when_its_oldest_findings_are_no_longer_handed_in() -> None:
    story = ransomware()
    known = group(story, [])
    late = finding(900, host("srv-29"), minute=200, severity=Severity.HIGH, tactics=["exfiltration"])
    (after,) = group([*story[-20:], late], known)
    assert after.finding_ids[-1] == late.id
    assert set(after.finding_ids) == {item.id for item in (*story, late)}
    assert after.tactics == (*known[0].tactics, "exfiltration")
    assert after.score >= known[0].score


def test_incidents_that_turn_out_to_be_one_are_merged_into_the_older() -> None:
    early, late = finding(1, host("a")), finding(2, host("b"), minute=10)
    known = group([early, late], [])
    assert len(known) == 2
    bridge = finding(3, host("a"), host("b"), minute=12)
    survivor, merged = group([early, late, bridge], known)
    assert survivor.finding_ids == (early.id, late.id, bridge.id)
    assert survivor.first_time == early.first_time
    assert merged.merged_into == survivor.id
    assert {survivor.id, merged.id} == {incident.id for incident in known}
    assert group([early, late, bridge], [survivor, merged]) == [survivor, merged]


def test_merging_keeps_what_a_person_has_taken_up() -> None:
    early, late = finding(1, host("a")), finding(2, host("b"), minute=10)
    known = [
        replace(incident, status=IncidentStatus.IN_PROGRESS) if late.id in incident.finding_ids else incident
        for incident in group([early, late], [])
    ]
    survivor, _ = group([early, late, finding(3, host("a"), host("b"), minute=12)], known)
    assert survivor.status is IncidentStatus.IN_PROGRESS


def test_a_resolved_incident_is_not_reopened_but_referred_to() -> None:
    first = finding(1, host("a"))
    resolved = [replace(incident, status=IncidentStatus.RESOLVED) for incident in group([first], [])]
    again = finding(2, host("a"), minute=30)
    after = group([first, again], resolved)
    new = next(incident for incident in after if incident.id != resolved[0].id)
    assert resolved[0] in after
    assert new.finding_ids == (again.id,)
    assert new.follows == resolved[0].id
    assert group([first, again], after) == after


def test_minor_findings_after_a_resolved_incident_open_nothing() -> None:
    first = finding(1, host("a"))
    resolved = [replace(incident, status=IncidentStatus.RESOLVED) for incident in group([first], [])]
    assert group([first, finding(2, host("a"), minute=30, severity=Severity.LOW)], resolved) == resolved


def test_institutions_never_mix() -> None:
    incidents = group([finding(1, host("a"), tenant="bank-a"), finding(2, host("a"), tenant="bank-b")], [])
    assert {incident.tenant for incident in incidents} == {"bank-a", "bank-b"}


def test_a_story_that_gets_on_raises_the_floor() -> None:
    theft, move = ["credential-access"], ["lateral-movement"]
    assert group([finding(1, host("a"), tactics=theft), finding(2, host("a"), tactics=move)], [])[0].severity == 5
    assert group([finding(1, host("a"), tactics=move), finding(2, host("a"), tactics=theft)], [])[0].severity == 4
    medium = [
        finding(number, host("a"), tactics=tactics, severity=Severity.MEDIUM)
        for number, tactics in enumerate((theft, move))
    ]
    assert group(medium, [])[0].severity is Severity.HIGH


def test_one_rule_that_names_several_tactics_is_no_story() -> None:
    both = ["credential-access", "lateral-movement"]
    again = replace(finding(2, host("a"), tactics=both), rule_id="rule-1")
    assert group([finding(1, host("a"), tactics=both), again], [])[0].severity is Severity.HIGH


def test_hostile_names_stay_one_short_line_in_titles() -> None:
    evil = "evil\n\u202e" + "x" * 5000
    (incident,) = group([replace(finding(1, host(evil)), title="A rule")], [])
    assert "\n" not in incident.title
    assert "\u202e" not in incident.title
    assert len(incident.title) < 200


def test_many_findings_about_the_same_thing_at_the_same_moment() -> None:
    """Duplicated input must not make the work quadratic: every finding shares every entity with every other."""
    same = [finding(number, host("a"), user("u")) for number in range(20_000)]
    (incident,) = group([*same, *same], [])
    assert len(incident.finding_ids) == 20_000


ENTITIES = [*(host(name) for name in "abcdef"), *(user(name) for name in "uvw")]
TACTICS = ["credential-access", "lateral-movement", "impact", "discovery"]


@st.composite
def findings(draw: st.DrawFn) -> list[Finding]:
    return [
        finding(
            number,
            *draw(st.lists(st.sampled_from(ENTITIES), max_size=3, unique=True)),
            minute=draw(st.integers(0, 3000)),
            severity=draw(st.sampled_from(Severity)),
            tactics=draw(st.lists(st.sampled_from(TACTICS), max_size=2)),
        )
        for number in range(draw(st.integers(0, 25)))
    ]


@given(findings(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(items: list[Finding], random: Random) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert group(shuffled, []) == group(items, [])


@given(findings(), st.randoms(use_true_random=False))
def test_grouping_again_changes_nothing(items: list[Finding], random: Random) -> None:
    once = group(items, [])
    known = list(once)
    random.shuffle(known)
    assert group([*items, *items[:5]], known) == once


@given(findings())
def test_every_significant_finding_is_in_one_incident(items: list[Finding]) -> None:
    held = [id for incident in group(items, []) for id in incident.finding_ids]
    assert len(held) == len(set(held))
    assert {item.id for item in items if item.severity >= Severity.MEDIUM} <= set(held)


@given(findings(), st.integers(0, 25), st.randoms(use_true_random=False))
def test_arriving_in_two_parts_loses_nothing_and_keeps_ids(items: list[Finding], cut: int, random: Random) -> None:
    random.shuffle(items)
    known = group(items[:cut], [])
    after = {incident.id: incident for incident in group(items, known)}
    final = {id: incident for id, incident in after.items() if incident.merged_into is None}
    held = [id for incident in final.values() for id in incident.finding_ids]
    assert len(held) == len(set(held))
    assert {item.id for item in items if item.severity >= Severity.MEDIUM} <= set(held)
    for before in known:
        now = after[before.id]
        now = after[now.merged_into] if now.merged_into else now
        assert set(before.finding_ids) <= set(now.finding_ids)
        assert now.severity >= before.severity
        assert now.score >= before.score


@given(findings())
def test_the_floor_is_never_below_any_finding(items: list[Finding]) -> None:
    severity = {item.id: item.severity for item in items}
    for incident in group(items, []):
        assert incident.severity >= max(severity[id] for id in incident.finding_ids)
        assert 0 <= incident.score <= 100


def test_an_incident_of_another_products_alert_says_so() -> None:
    alert = replace(finding(1, host("ws-01"), severity=Severity.HIGH), product="CrowdStrike Falcon")
    (incident,) = group([alert], known=[])
    assert incident.title == "Finding 1 (alert of CrowdStrike Falcon) on ws-01"
    assert incident.title_ja == "ws-01: Finding 1（CrowdStrike Falcon のアラート）"
