"""MITRE ATT&CK enterprise tactics: names in both languages, in the order of the matrix."""

_TACTICS = {
    "reconnaissance": ("Reconnaissance", "偵察"),
    "resource-development": ("Resource development", "リソース開発"),
    "initial-access": ("Initial access", "初期侵入"),
    "execution": ("Execution", "実行"),
    "persistence": ("Persistence", "永続化"),
    "privilege-escalation": ("Privilege escalation", "権限昇格"),
    "stealth": ("Stealth", "隠蔽"),
    "defense-evasion": ("Defence evasion", "防御回避"),
    "defense-impairment": ("Defence impairment", "防御妨害"),
    "credential-access": ("Credential access", "認証情報窃取"),
    "discovery": ("Discovery", "探索"),
    "lateral-movement": ("Lateral movement", "横展開"),
    "collection": ("Collection", "収集"),
    "command-and-control": ("Command and control", "遠隔操作"),
    "exfiltration": ("Exfiltration", "持ち出し"),
    "impact": ("Impact", "影響"),
}
_ORDER = {tactic: index for index, tactic in enumerate(_TACTICS)}


def tactic_name(tactic: str) -> tuple[str, str]:
    """(English, Japanese); a tactic that we do not know stands for itself."""
    return _TACTICS.get(tactic, (tactic or "Other", tactic or "その他"))


def tactic_order(tactic: str) -> int:
    return _ORDER.get(tactic, len(_ORDER))
