"""Titles in plain words, in English and Japanese: what happened, where, by whom."""

import unicodedata
from collections.abc import Sequence

from sakimori.records import EntityType, Finding, Incident

_TACTICS = {
    "reconnaissance": ("reconnaissance", "偵察"),
    "resource-development": ("preparation of means", "攻撃準備"),
    "initial-access": ("intrusion", "侵入"),
    "execution": ("execution of code", "不正なコード実行"),
    "persistence": ("persistence", "永続化"),
    "privilege-escalation": ("privilege escalation", "権限昇格"),
    "defense-evasion": ("evasion of defences", "防御回避"),
    "stealth": ("hiding of traces", "隠蔽"),
    "defense-impairment": ("impairment of defences", "防御妨害"),
    "credential-access": ("theft of credentials", "認証情報の窃取"),
    "discovery": ("discovery", "内部探索"),
    "lateral-movement": ("lateral movement", "横展開"),
    "collection": ("collection of data", "データ収集"),
    "command-and-control": ("remote control", "遠隔操作"),
    "exfiltration": ("exfiltration of data", "データ持ち出し"),
    "impact": ("destruction or encryption of data", "データの破壊・暗号化"),
}
_TELLING = ("impact", "exfiltration", "lateral-movement", "credential-access", "command-and-control", "initial-access")
"""What a reader wants to know first; the other tactics are named only where none of these is there."""
_NAMED = 3
_LONGEST = 48


def titles(incident: Incident, significant: Sequence[Finding]) -> tuple[str, str]:
    """English and Japanese. A story of several tactics is named by them, anything else by its most severe finding."""
    steps = [tactic for tactic in incident.tactics if tactic in _TELLING]
    if len(steps) < 2 and len(incident.tactics) >= 2 and len(incident.finding_ids) > 1:
        steps = list(dict.fromkeys((*steps, *(tactic for tactic in incident.tactics if tactic in _TACTICS))))[:_NAMED]
    if len(steps) >= 2 or (steps and not significant):
        english = _listed([_TACTICS[step][0] for step in steps], "and")
        japanese = "・".join(_TACTICS[step][1] for step in steps)
    elif significant:
        worst = max(significant, key=lambda finding: (finding.severity, -finding.first_time, finding.id))
        english = _plain(worst.title, longest=120)
        japanese = _plain(worst.title_ja or worst.title, longest=120)
        if worst.product:
            product = _plain(worst.product)
            english, japanese = f"{english} (alert of {product})", f"{japanese}（{product} のアラート）"
    else:
        return incident.title, incident.title_ja
    hosts = [_plain(entity.value) for entity in incident.entities if entity.type is EntityType.HOST]
    users = [_plain(entity.value) for entity in incident.entities if entity.type is EntityType.USER]
    where, where_ja = _where(hosts)
    by, by_ja = _by(users)
    return f"{english[:1].upper()}{english[1:]}{where}{by}", f"{where_ja}{by_ja}{japanese}"


def _where(hosts: Sequence[str]) -> tuple[str, str]:
    if not hosts:
        return "", ""
    if len(hosts) <= _NAMED:
        return f" on {_listed(hosts, 'and')}", f"{'、'.join(hosts)}: "
    return (
        f" on {len(hosts)} hosts ({', '.join(hosts[:_NAMED])}, …)",
        f"{'、'.join(hosts[:_NAMED])}など{len(hosts)}台: ",
    )


def _by(users: Sequence[str]) -> tuple[str, str]:
    if not users:
        return "", ""
    more = len(users) - 1
    suffix, suffix_ja = (f" and {more} more", f"ほか{more}件") if more else ("", "")
    return f", account {users[0]}{suffix}", f"アカウント {users[0]}{suffix_ja}による"


def _listed(words: Sequence[str], conjunction: str) -> str:
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}" if len(words) > 1 else words[0]


def _plain(text: str, *, longest: int = _LONGEST) -> str:
    """One short line without control, format (bidirectional) or private characters, whatever the event said."""
    line = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text).strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"
