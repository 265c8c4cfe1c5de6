"""Records of transfer files of the Zengin format: banks, branches and accounts in fields of fixed width, unlabelled.

Japanese Bankers Association, 総合振込 and 給与振込: a header (record 1) and data records (2) hold a bank's code and
name, a branch's code and name, the kind of an account and its number. People trim the spaces between them.
"""

from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.span import Hit, Kind

_KANA = "[ァ-ヴー]"
_RECORD = Gate(
    rf"([0-9]{{4}}{_KANA}{{0,15}} {{0,15}}[0-9]{{3}}{_KANA}{{0,15}}) {{1,19}}(?:[0-9]{{4}} {{1,4}})?([1249][0-9]{{7}})"
    rf"(?![0-9])({_KANA}?)",
    needs=r" [1249][0-9]{7}",
)
_TRIMMED = Gate(rf"(?:^|\n)2({_KANA}{{1,15}}) {{1,15}}([1249][0-9]{{7}})({_KANA})", needs=r"(?:^|\n)2[ァ-ヴー]")
"""Without the codes."""


def zengin_records(text: str) -> Iterator[Hit]:
    for pattern in (_RECORD, _TRIMMED):
        for match in pattern.finditer(text):
            if match[3] or not match[1].isascii():
                yield Hit(*match.span(1), Kind.BRANCH, "zengin", match[1].replace(" ", ""))
                yield Hit(*match.span(2), Kind.ACCOUNT, "zengin", match[2])
