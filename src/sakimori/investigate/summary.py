"""The verdict in a few sentences for people, in both languages. Written by software from what was proved."""

from collections.abc import Sequence

from sakimori.investigate.rules import Ruled
from sakimori.records import Claim, Disposition, Incident, Route, Severity

_DISPOSITION = {
    Disposition.MALICIOUS: ("Malicious", "悪性"),
    Disposition.SUSPICIOUS: ("Suspicious", "疑わしい"),
    Disposition.BENIGN: ("Probably benign", "おそらく無害"),
    Disposition.UNDETERMINED: ("Undetermined", "判断できない"),
}
_SEVERITY = {
    Severity.INFORMATIONAL: "情報",
    Severity.LOW: "低",
    Severity.MEDIUM: "中",
    Severity.HIGH: "高",
    Severity.CRITICAL: "緊急",
}
_ROUTE = {
    Route.RESPOND: ("Containment is proposed.", "封じ込めを提案する。"),
    Route.PERSON: ("A person has to decide.", "人による判断が必要。"),
    Route.WATCH: ("It is watched.", "監視を続ける。"),
    Route.SUGGEST_CLOSING: ("Closing is suggested; a person decides.", "終了を提案する。決めるのは人である。"),
}


def summarise(incident: Incident, ruled: Ruled, claims: Sequence[Claim], *, model: str | None) -> tuple[str, str]:
    """English and Japanese: what it is, how severe, what was proved, what comes next, and whether a model was used."""
    what, what_ja = _DISPOSITION[ruled.disposition]
    next_step, next_step_ja = _ROUTE[ruled.route]
    count, findings = len(claims), len(incident.finding_ids)
    used = f"The model {model} was used." if model else "No model was used."
    used_ja = f"モデル {model} を使用した。" if model else "モデルは使用していない。"
    return (
        f"{what}, {ruled.severity.label}: {count} {'fact was' if count == 1 else 'facts were'} proved from"
        f" {findings} {'finding' if findings == 1 else 'findings'}. {next_step} {used}",
        f"{what_ja}（重大度: {_SEVERITY[ruled.severity]}）。検知{findings}件から{count}件の事実を証明した。"
        f"{next_step_ja}{used_ja}",
    )
