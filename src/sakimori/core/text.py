"""Text from outside, made safe to show: a log line must not steer the terminal or the page that it is read in."""

import unicodedata

_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode general categories: control, format (direction, zero width, tags), surrogate, line, paragraph."""


def plain(text: str, *, keep: str = "") -> str:
    r"""``text`` with all that would act instead of being seen written out (CWE-150), such as ``\u001b`` for an escape.

    Letters of all scripts, full-width forms and emoji stay. ``keep``: what may act, such as ``"\n\t"`` where the text
    may have lines of its own.
    """
    if text.isprintable():
        return text
    return "".join(char if char in keep or not _steers(char) else _written_out(char) for char in text)


def composed(name: str) -> str:
    """A name as it is kept and looked up (Unicode NFC): one letter, such as が, may come in two characters."""
    return unicodedata.normalize("NFC", name)


def _steers(char: str) -> bool:
    return unicodedata.category(char) in _STEERING


def _written_out(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
