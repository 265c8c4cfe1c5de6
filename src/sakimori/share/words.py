"""The vocabulary's fixed words, as people read them in English and Japanese."""

_WORDS = {
    "critical": ("critical", "致命的"),
    "high": ("high", "高"),
    "medium": ("medium", "中"),
    "low": ("low", "低"),
    "informational": ("informational", "情報"),
    "malicious": ("malicious", "悪性"),
    "suspicious": ("suspicious", "疑わしい"),
    "benign": ("benign", "無害"),
    "undetermined": ("undetermined", "判定不能"),
    "respond": ("respond", "対応する"),
    "person": ("hand to a person", "担当者に渡す"),
    "watch": ("watch", "監視を続ける"),
    "suggest_closing": ("suggest closing", "終結を提案"),
    "allow": ("allow", "許可"),
    "needs_approval": ("needs approval", "承認が必要"),
    "deny": ("deny", "拒否"),
    "pending": ("pending", "待機"),
    "started": ("started", "実行中"),
    "done": ("done", "完了"),
    "failed": ("failed", "失敗"),
    "refused": ("refused", "不実施"),
    "undo_started": ("being undone", "取消中"),
    "undone": ("undone", "取消済み"),
    "isolate_host": ("isolate host", "ホスト隔離"),
    "release_host": ("release host", "隔離解除"),
    "disable_account": ("disable account", "アカウント停止"),
    "enable_account": ("enable account", "アカウント再開"),
}


def claimed_by(product: str) -> tuple[str, str]:
    """(English, Japanese): that a finding is the claim of another product."""
    return f"alert of {product}", f"{product} のアラート"


def word(value: str) -> tuple[str, str]:
    """(English, Japanese) of an enumeration value; what has no translation stands for itself."""
    return _WORDS.get(value, (value, value))
