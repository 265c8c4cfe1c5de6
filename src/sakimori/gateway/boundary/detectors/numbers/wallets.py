"""Addresses of crypto-assets: Bitcoin (Base58Check, Bech32 of BIP 173), Ethereum."""

import hashlib
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_BASE58 = Gate(r"(?<![A-Za-z0-9])[13][1-9A-HJ-NP-Za-km-z]{25,34}(?![A-Za-z0-9])")
_BECH32 = Gate(r"(?<![a-z0-9])(?:bc1|tb1|ltc1)[02-9ac-hj-np-z]{11,71}(?![a-z0-9])")
_ETHEREUM = Gate(r"(?<![a-z0-9])0x[0-9a-f]{40}(?![a-z0-9])")
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def detect_wallets(folded: Folded) -> Iterator[Hit]:
    for match in _BASE58.finditer(folded.cased):
        if _base58check(match[0]):
            yield Hit(match.start(), match.end(), Kind.WALLET, "bitcoin", match[0])
    for pattern, name in ((_BECH32, "bech32"), (_ETHEREUM, "ethereum")):
        for match in pattern.finditer(folded.text):
            yield Hit(match.start(), match.end(), Kind.WALLET, name, match[0])


def _base58check(address: str) -> bool:
    number = 0
    for character in address:
        number = number * 58 + _ALPHABET.index(character)
    if number >= 1 << 200:
        return False
    data = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]
