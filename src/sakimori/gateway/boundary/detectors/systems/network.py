"""Addresses: e-mail, IPv4, IPv6. Loopback and unspecified addresses say nothing about anyone and stay."""

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._%+-#~!&'$*?^`|")
_LOCAL_EDGE = ".%+-#~!&'$*?^`|"
_DOTS_OF_IPV4 = 3
_LONGEST_LOCAL = 64  # RFC 5321, 4.5.3.1.1
_MAIL_DOMAIN = re.compile(r"@([a-z0-9](?:[a-z0-9.\-]{0,252}[a-z0-9])?)")
_NO_COUNTRY = "on|in|is|it|as|of|to|or|by|an|no|so|we|he|be|do|go|me|my|up|us|at"
_SAID_DOMAIN = (
    r"[a-z0-9\-]{2,30}(?: dot [a-z0-9\-]{2,30}){0,3} dot "
    rf"(?:com|net|org|info|biz|edu|gov|example|(?!(?:{_NO_COUNTRY})(?![a-z]))[a-z]{{2}})"
)
_DOT = r"(?: ?[\[(](?:dot|\.)[\])] ?|\.)"
_SAID_MAIL = Gate(
    r"(?<![a-z0-9])[a-z0-9_]{1,30}(?:(?: (?:dot|underscore|dash|hyphen) |[._\-])[a-z0-9_]{1,30}){0,4}"
    rf"(?: at {_SAID_DOMAIN}"
    rf"| ?[\[(](?:at|@)[\])] ?[a-z0-9\-]{{2,30}}(?:{_DOT}[a-z0-9\-]{{2,30}}){{0,3}}{_DOT}[a-z]{{2,10}})"
    r"(?![a-z0-9])",
    needs=r" at [a-z0-9\-]{2,30} dot |[\[(](?:at|@)[\])]",
)
"""As people say it (``siobhan dot odowd at bank dot ie``) or hide it from robots (``info[at]bank.example``)."""
_IPV4 = Gate(
    r"[0-9](?<![0-9][0-9])(?<![0-9]\.[0-9])[0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,3}\.(?:[0-9]{1,3}(?:/[0-9]{1,2})?(?![0-9])|[%*])"
)
"""Also of networks, with their prefix, and as databases write many: ``10.44.2.%``."""
_IPV6_MIDDLE = re.compile(r":[0-9a-f]{0,4}:[0-9a-f:.]{0,45}")
_PREFIX = re.compile(r"/[0-9]{1,3}(?![0-9])")
_IPV6_CHARACTERS = frozenset("0123456789abcdef:.")
_LONGEST_IPV6 = 45
_COLONS_OF_IPV6 = 6
"""At least, but where ``::`` stands for several parts."""


def detect_mail(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    position = 0
    while (at := text.find("@", position)) >= 0:
        domain = _MAIL_DOMAIN.match(text, at)
        start = at
        while start > position and at - start < _LONGEST_LOCAL and text[start - 1] in _LOCAL:
            start -= 1
        while start < at and text[start] in _LOCAL_EDGE:
            start += 1
        position = at + 1
        is_host = domain is not None and (domain[1][-1].isalpha() or domain[1].count(".") == _DOTS_OF_IPV4)
        if domain and is_host and start < at:
            yield Hit(start, domain.end(), Kind.MAIL, "e-mail", text[start : domain.end()])
            position = domain.end()
    for match in _SAID_MAIL.finditer(text):
        yield Hit(*match.span(), Kind.MAIL, "e-mail", match[0])


def detect_ipv4(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _IPV4.finditer(text):
        address = _ipv4(match[0])
        if address is not None:
            yield Hit(*match.span(), Kind.IP, "ipv4", address)


@lru_cache(4_096)
def _ipv4(address: str) -> str | None:
    """The address without leading zeros; None if it is none, or says nothing."""
    number, slash, prefix = address.partition("/")
    octets = [octet if octet in "%*" else str(int(octet)) for octet in number.split(".")]
    numbers = [int(octet) for octet in octets if octet.isdigit()]
    return ".".join(octets) + slash + prefix if max(numbers) <= 255 and numbers[0] != 127 and any(numbers) else None


def detect_ipv6(folded: Folded) -> Iterator[Hit]:
    """RFC 4291 text forms, among them those with an embedded IPv4 address."""
    text = folded.text
    position = 0
    while match := _IPV6_MIDDLE.search(text, position):
        start, end = match.span()
        while start > position and match.start() - start < _LONGEST_IPV6 and text[start - 1] in _IPV6_CHARACTERS:
            start -= 1
        while end > start and text[end - 1] == ".":
            end -= 1
        if end - start > 1 and text[end - 1] == ":" and text[end - 2] != ":":
            end -= 1
        position = match.end()
        if "::" not in match[0] and text.count(":", start, end) < _COLONS_OF_IPV6:
            continue
        if start > 0 and text[start - 1].isascii() and text[start - 1].isalnum():
            continue
        try:
            address = ipaddress.IPv6Address(text[start:end])
        except ValueError:
            continue
        if not address.is_loopback and not address.is_unspecified:
            prefix = _PREFIX.match(text, end)
            stop = prefix.end() if prefix else end
            yield Hit(start, stop, Kind.IP, "ipv6", address.compressed + text[end:stop])
