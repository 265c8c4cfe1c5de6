"""Secrets: keys known by their form, private key blocks, and values beside a telling name."""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.systems.values import stands_for_value, tells_secret
from sakimori.gateway.boundary.detectors.words.telling import told_by
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_KEY_FORMS = Gate(
    r"(?<![a-z0-9])(?:"
    r"sk-[a-z0-9_\-]{16,512}"  # OpenAI, Anthropic, our own service keys and others
    r"|(?:akia|asia|aroa|aida)[a-z0-9]{16}(?![a-z0-9])"  # AWS access key ids
    r"|gh[pousr]_[a-z0-9]{30,255}|github_pat_[a-z0-9_]{22,255}"
    r"|gl(?:pat|dt|rt)-[a-z0-9_\-]{20,255}"
    r"|xox[abeoprs]-[a-z0-9\-]{10,255}"  # Slack
    r"|aiza[a-z0-9_\-]{35}"  # Google
    r"|(?:hf|npm)_[a-z0-9]{30,255}|pypi-[a-z0-9_\-]{50,512}"
    r"|[a-z]{2,8}_(?:live|test|prod|sandbox)_[a-z0-9]{12,255}"  # Stripe and those who write keys as it does
    r"|eyj[a-z0-9_\-]{8,4096}\.[a-z0-9_\-]{8,8192}(?:\.[a-z0-9_\-]{0,8192})?"  # JSON Web Tokens, RFC 7519
    r"|bearer\s{1,3}[a-z0-9._~+/\-]{16,4096}={0,2}"
    r"|basic\s{1,3}(?=[a-z+/]{0,60}[0-9=])[a-z0-9+/]{12,1024}={0,2}"  # RFC 7617
    r")"
)
_BLOCK_BEGIN = Gate(r"-----begin [a-z0-9 ]{0,40}private key(?: block)?-----")
_BLOCK_END = re.compile(r"-----end [a-z0-9 ]{0,40}private key(?: block)?-----")
_TELLING_NAME = (
    r"(?:password|passwd|passphrase|passcode|pwd|secret|credential|credentials|apikey|api_key|api-key|accesskey"
    r"|access_key|access-key|accountkey|account_key|privatekey|private_key|private-key|token|authorization"
    r"|(?:secret|encryption|signing|shared|master|storage|hmac|jwt|license)[_\-]?key|sessionid|session_id|sessid"
    r"|パスワード|パスフレーズ|暗証番号|秘密鍵|合言葉|apiキー|アクセスキー|シークレット|トークン|認証キー|暗号鍵|共通鍵)"
)
# Each begins with plain characters, which lets the regex engine skip ahead.
_BEFORE_VALUE = (
    Gate(
        _TELLING_NAME + r"[\"'\\\]]{0,4}\s{0,3}(?:[:=]|は(?=\s{0,3}[!-~「『]))\s{0,3}"
        r"(?:(?:basic|bearer|digest|negotiate|ntlm)\s{1,3})?"
    ),
    Gate(r"net(?<![a-z0-9]net)1?(?:\.exe)?\s{1,3}user\s{1,3}[^\s/]{1,64}\s{1,3}(?![/\s])"),
    Gate(r"\b(?:mysql|mysqldump|mysqladmin|sshpass|smbclient)\b[^\n]{0,120}?\s-p(?=[^\s\-])"),
    Gate(r"convertto-securestring\s{1,3}(?:-string\s{1,3})?(?=[\"'])"),
    Gate(r"/user:[^\s]{1,80}\s{1,3}(?![/\s])"),  # net use, runas, psexec
)
_MEMBER_NAME = re.compile(
    rf"(?:.{{0,64}}[^a-z0-9])?{_TELLING_NAME}|[a-z0-9_]{{0,64}}(?:passwords?|secrets?|token|api_?keys?)"
)
_QUOTES = "\"'`「『"
_CLOSING = {'"': '"', "'": "'", "`": "`", "「": "」", "『": "』"}
_BARE = re.compile(r"[^\s\"'`,;&<>|)}\]、。」』]+")
_SAYS_NOTHING = frozenset({"true", "false", "null", "none", "yes", "no", "undefined", "string", "required", "*", "***"})
_TELLS_RULES = re.compile(r"/[a-z]+/|[0-9]{1,3}(?:文字|桁|回|日|[かヶカケ]月)")
"""A path, or what secrets must be like."""
_URL_CREDENTIALS = Gate(r"://([^\s/@:\"'<>]{0,128}:[^\s/@\"'<>]{1,256})@")
_LONGEST_VALUE = 4096


def detect_key_forms(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _KEY_FORMS.finditer(text):
        yield Hit(match.start(), match.end(), Kind.SECRET, "key-form", match[0])


def detect_private_keys(folded: Folded) -> Iterator[Hit]:
    """From the first line of a PEM or PGP block to its last; without one, to the end of the text."""
    text = folded.text
    position = 0
    while begin := _BLOCK_BEGIN.search(text, position):
        end = _BLOCK_END.search(text, begin.end())
        position = end.end() if end else len(text)
        yield Hit(begin.start(), position, Kind.SECRET, "private-key", text[begin.start() : position])


def detect_fields(folded: Folded) -> Iterator[Hit]:
    """``password=…``, ``"api_key": "…"``, ``net user NAME …``, ``scheme://user:…@host``; see ``settings``, too."""
    text = folded.text
    for before in _BEFORE_VALUE:
        position = 0
        while name := before.search(text, position):
            start, end, position = _value(text, name.end())
            value = text[start:end]
            if any(map(str.isalnum, value)) and not stands_for_value(value) and not _TELLS_RULES.match(value):
                yield Hit(start, end, Kind.SECRET, "secret-field", value)
    for match in _URL_CREDENTIALS.finditer(text):
        yield Hit(match.start(1), match.end(1), Kind.SECRET, "url-credentials", match[1])


def holds_secret(name: str, value: str) -> bool:
    """Whether a JSON member of this name (capitals as they were) has a secret as its value (folded)."""
    if not value or value in _SAYS_NOTHING:
        return False
    return _MEMBER_NAME.fullmatch(name.lower()) is not None or (told_by(name) is Kind.SECRET and tells_secret(value))


def _value(text: str, start: int) -> tuple[int, int, int]:
    """Where the value at ``start`` begins and ends, and where to look on."""
    escaped = text.startswith("\\", start) and text[start + 1 : start + 2] in _CLOSING
    opening = start + 1 if escaped else start
    quote = text[opening : opening + 1]
    if quote and quote in _QUOTES:
        begin = opening + 1
        closing = _find_closing(text, begin, ("\\" if escaped else "") + _CLOSING[quote])
        if closing >= 0:
            return begin, closing, closing + 1
        start = begin
    bare = _BARE.match(text, start)
    end = bare.end() if bare else start
    return start, end, max(end, start)


def _find_closing(text: str, begin: int, closing: str) -> int:
    """The next ``closing`` that no backslash of its own precedes, within the longest value; -1 if there is none."""
    limit = begin + _LONGEST_VALUE
    found = text.find(closing, begin, limit)
    while found > begin and len(closing) == 1 and text[found - 1] == "\\" and text[found - 2 : found - 1] != "\\":
        found = text.find(closing, found + 1, limit)
    return found
