"""Machines, accounts and passwords in what administrators type and what their tools print: prompts, expect, Ansible."""

from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.vocabulary import is_known
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_PROMPT = Gate(
    r"(?:^|\n)([a-z][a-z0-9.\-]{2,30})(?:([$#>%] ?)([a-z]{2,12})(?=[ \r\n]|$)|:[~/][^\s]{0,40}[>$#%](?=\s|$))"
)
_COMMANDS = listed(
    "cat cd conf configure copy cp crontab cs curl df dig docker echo enable env exit expect export find ftp git grep"
    " head history hostname id ip journalctl kubectl less ls mv mysql netstat nslookup openssl passwd ping ps psql pwd"
    " rm scp sed sh show sqlplus ssh su sudo systemctl tail tar tcpdump telnet top uname vi vim wget who whoami"
)
_TASK = Gate(
    r"(?:^|\n)[ \t]{0,16}(?:ok|changed|fatal|failed|skipping|unreachable|rescued|ignored): "
    r"\[([a-z0-9][a-z0-9.\-_]{1,80})(?:\]| -> |: )"
)
_RECAP = Gate(r"(?:^|\n)([a-z0-9][a-z0-9.\-_]{1,80})[ \t]{1,60}: ok=[0-9]")
"""Of Ansible."""
_SENT = Gate(
    r"expect [^\n]{0,40}?(name|login|user|assword|passphrase|pin)[^\n\"]{0,8}\"?[;\s]{0,8}"
    r"send (?:-- )?\"([^\"\\\n]{1,64})",
    needs=r"send (?:-- )?\"[^\"\\\n]",
)
_NOTHING = listed("yes no exit quit")


def detect_sessions(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _PROMPT.finditer(text):
        if not match[3] or (match[3] in _COMMANDS and not (is_known(match[1]) and match[2].startswith(">"))):
            yield Hit(*match.span(1), Kind.HOST, "prompt", match[1])
    for pattern in (_TASK, _RECAP):
        for match in pattern.finditer(text):
            yield Hit(*match.span(1), Kind.HOST, "task", match[1])
    for match in _SENT.finditer(text):
        if match[2] not in _NOTHING:
            kind = Kind.USER if match[1] in ("name", "login", "user") else Kind.SECRET
            yield Hit(*match.span(2), kind, "expect", match[2])
