"""What a run of Latin letters and digits looks like: nothing of note, a machine, an account, a key, or a name.

A run is nothing of note when all its words are known and its numbers count or measure something.
"""

import re
from enum import StrEnum
from functools import lru_cache

from sakimori.gateway.boundary.detectors.words.lexicon import English, english, listed
from sakimori.gateway.boundary.detectors.words.vocabulary import (
    customary_names,
    is_built,
    is_known,
    is_listed,
    pieces_of,
)


class Shape(StrEnum):
    HARMLESS = "words, numbers, versions, hashes, files"
    COUNTED = "known words with a number: step3, backup2"
    ROLE = (
        "known words joined, one of them short for a machine, or a word that machines are called: pg-prairie-ro, thor"
    )
    NAME = "unknown letters and nothing else"
    COMPOUND = "words of which one is unknown, joined"
    HOST = "a machine's name"
    USER = "an account"
    KEY = "letters of both cases and digits beyond what names do"


_NUMBER = re.compile(
    r"[0-9][0-9.,_]*(?:[a-z%]{0,5}|e[+\-]?[0-9]+)(?:-[0-9][0-9.,]*[a-z%]{0,5})?$"
    r"|v?[0-9]+(?:[.\-_][0-9]+)+[a-z]{0,3}[0-9]*(?:[.\-_+~][a-z]{0,8}[0-9.]*)*$"
    r"|[0-9]{2,4}-[0-9]{2}(?:-[0-9]{2})?(?:[t_][0-9:.\-]*z?)?$|[0-9]{8}t[0-9]{4,6}z?$"
    r"|[0-9]{1,2}[.\-](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}(?:[.\-][0-9]{2,4})?$"
    r"|0x[0-9a-f]+$|[0-9]{1,2}(?:st|nd|rd|th|am|pm)$|(?:[0-9]+[dhms])+$|p(?:[0-9]+[ymd])*t?(?:[0-9]+[hms])+$"
)
_HASH = re.compile(
    r"(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}"
    r"|[0-9a-f]{96}|[0-9a-f]{128}|s-1(?:-[0-9]+)+)$|[0-9a-f]{7,128}$"
)
_REFERENCE = re.compile(
    r"(?:attack\.)?(?:cve-[0-9]{4}-[0-9]+|cwe-[0-9]+|ghsa(?:-[0-9a-z]{4}){3}|t[0-9]{4}(?:\.[0-9]{3})?|ta[0-9]{4}|[smgd]s?[0-9]{4}"
    r"|kb[0-9]{6,7}|ms[0-9]{2}-[0-9]{3}|rfc-?[0-9]{2,5}|ora-[0-9]{3,5}|apt-?c?[0-9]{1,3}|fin[0-9]{1,2}|unc[0-9]{4}"
    r"|(?:inc|ref|ft|trn|req|chg|prb|ritm|sctask|task|case|ticket|bug|issue|pr|ah|msg|err|evt|jis|ieee)-?[0-9]+|(?:db\.)?[a-z][0-9][a-z]{0,3}\.(?:nano|micro|small|medium|metal|[0-9]*x?large)|[a-z]{2,10}_[0-9][0-9a-hjkmnp-tv-z]{11}|f[0-9]{2}[a-z]{6}[a-z0-9]{6}[0-9]{10}|[0-9]{6}[a-z]{3}[0-9]+|(?:pacs|pain|camt|acmt|seev|sese|semt|setr|fxtr|admi|reda)\.[0-9]{3}(?:\.[0-9]{2,3}){0,2}"
    r"|[a-z_]{2,20}-[0-7]-[a-z0-9_]{3,40}|v[0-9](?:alpha|beta|rc)[0-9]|u[0-9a-f]{4}|blake[23][bs]|crc(?:16|32c?|64)"
    r"|iso-?[0-9]{4,5}(?:-[0-9]+)*|(?:[qh][1-4]|fy)[0-9]{0,4}|[a-z]{3,5}-?[0-9]{3,5}[ewi]|ec2|[a-z][0-9]{1,2}|cp[0-9]{3,5}"
    r"|windows-?[0-9]+|(?:sha|aes|rsa|des|md|utf|http|tls|ssl|smb|ip|rc|ecdsa|secp|hs|rs|es|ps|p)-?v?[0-9]{1,4}[a-z]?[0-9]?"
    r"|[a-z]{1,2}[0-9]{0,2}d|u?int[0-9]{1,3}(?:_t)?|float[0-9]{2}|vlan-?[0-9]+|event_?id[0-9]+|as[0-9]{4,6}|step-?[0-9]+"
    r"|(?:eth|ens|eno|enp|bond|tty|sd[a-z]|vd[a-z]|nvme|port|gi|fa|te|tun|vmnic|lun|vmnet|loop|cpu|gpu)[0-9](?:[a-z0-9.]{0,6})?"
    r"|level[0-9]|tier[0-9]|cet[0-9]|(?:x|amd|arm|i)[0-9]{2,3}(?:_[0-9]{2})?)$"
)
_FILE = re.compile(
    r".+\.(?:exe|dll|sys|msi|ps1|psm1|bat|cmd|vbs|js|jse|wsf|hta|lnk|iso|img|docx?|xlsx?|pptx?|docm|xlsm|pdf|txt|log|csv|tsv"
    r"|json|jsonl|ya?ml|toml|ini|cfg|conf|cnf|config|xml|xsd|xsl|html?|css|svg|png|jpe?g|gif|ico|zip|t?gz|bz2|xz|zst|7z|rar|cab"
    r"|tar|jar|war|ear|class|py|pyc|rb|pl|php|aspx?|ashx|jsp|java|go|rs|c|h|cpp|hpp|cs|ts|tsx|vue|sh|bash|sql|db|sqlite|mdb"
    r"|bak|tmp|old|dmp|evtx?|etl|pcap|pem|crt|cer|key|p12|pfx|jks|csr|pub|asc|gpg|kdbx|rdp|service|socket|timer|so|o|a|lib"
    r"|deb|rpm|dmg|pkg|apk|whl|vmdk|ova|vhdx?|qcow2|tf|tfvars|tfstate|hcl|j2|tmpl|tpl|md|rst|lock|pid|swp|cpl|scr|ocx|dat|bin)$"
)
_INITIAL_LAST = re.compile(r"[a-z]{4,}\.[a-z]$")
_NAMED_FILE = re.compile(
    r"([A-Za-z0-9_\-]{4,40})\.(?:key|pem|crt|cer|p12|pfx|jks|csr|rdp|ovpn|conf|cfg|log|pcap|evtx|bak|dmp|kdbx|ppk|keytab)$"
)
"""Files that are called after a machine or an account."""
_PUBLIC = re.compile(
    r"(?:[a-z0-9\-_]+\.)+(?:com|net|org|edu|gov|mil|int|io|co|jp|us|uk|de|fr|cn|ru|kr|in|br|au|ca|nl|eu|info|biz|dev"
    r"|app|cloud|me|tv|xyz|top|site|online|club|shop|icu|cc|ws|to|ch|se|no|fi|it|es|pl|tw|hk|sg|sh|ly|gl|ai|tech|link)$"
)
_SHORT_ROLES = listed(
    "pg db dc fs sv srv svr gw fw lb ns mx nb pc vm esx esxi sw rt rtr mq nas wks jmp bk bkup adc prx lpar was mta hv"
    " rds ndb odb cdb ldb atm pos www hsm"
)
"""Nothing but short for machines."""
_ROLES = _SHORT_ROLES | listed(
    "web db app ap srv sv svr server serv fs file dc ad dns mail mx smtp proxy prx fw gw rt rtr sw core edge lb vpn"
    " nas san bk bkup backup dr prd prod stg stage dev test uat qa ws wks wkstn pc nb note laptop desktop vdi tc term"
    " ts rds hv esx esxi vm vc node host master slave worker batch bat job sql ora oracle pg pgsql my mysql mongo"
    " redis cache mq log syslog mon zbx nag es kafka print prn prt bastion jump jmp relay ftp sftp ntp ipa ldap idm"
    " auth radius wlc atm pos loan acct gate portal intra bmc ilo idrac ups switch router console dmz wsus sccm av nac"
    " hub cl client terminal storage stor ctl ctrl vault reg registry repo git ci build jenkins deploy grid k8s kube"
    " api hq ag ha lsn scan rac cls pri sec sub main primary standby tky osk ngy sap fuk kyo kobe tokyo osaka nagoya"
    " kyoto"
)
"""What machines are for, and where they stand."""
_SITES = listed("tky tyo osk ngy sap fuk kyo hkd sdj hrs yok kobe tokyo osaka nagoya kyoto ldn nyc sgp hkg")
_LETTERS_THEN_DIGITS = re.compile(r"([a-z]{1,3})[0-9]{4,8}$")
_SMALL_COUNT = re.compile(r"[1-9][0-9]{0,1}$")
_CLASSES = re.compile(r"[A-Z]+|[a-z]+|[0-9]+")
_MANY_CHANGES = 4
_LEAST_SECRET = 8
_LEAST_LEET = 6
_SEPARATORS = re.compile(r"[._\-]")
_CALENDAR = listed("jan feb mar apr may jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun")


@lru_cache(16_384)
def shape_of(run: str) -> Shape:
    """Of letters and digits joined by ``.``, ``-`` and ``_``, with capitals as they were written."""
    low = run.lower()
    if low in _CALENDAR:
        return Shape.HARMLESS
    if run == low and low in customary_names() and is_built(low):
        return Shape.ROLE
    if low.isalpha():
        if _OFFICE.match(low) and not is_known(low) and (run == low or run.isupper()):
            return Shape.USER
        if is_built(low) or _is_camel(run) or len(low) < _SHORTEST:
            return Shape.HARMLESS
        return _of_letters(low) if run == low or run.isupper() else Shape.NAME
    if _NUMBER.match(low) or is_listed(low):
        return Shape.HARMLESS
    pieces = pieces_of(run)
    release = _RELEASE.match(low)
    if release and is_known(release[1]):
        return Shape.HARMLESS
    if _HASH.match(run) and not _LETTERS_THEN_DIGITS.match(low):
        return Shape.HARMLESS
    if _INITIAL_LAST.match(low) and _holds_name([low[:-_PAIR]]):
        return Shape.USER
    named = _NAMED_FILE.match(run)
    if named and any(sign in named[1] for sign in "-_0123456789") and shape_of(named[1]) in _OF_SOMEBODY:
        return shape_of(named[1])
    if _REFERENCE.match(low) or _FILE.match(low) or (_PUBLIC.match(low) and len(low) > _SHORTEST):
        return Shape.HARMLESS
    if _RESOURCE.match(low):
        return Shape.HOST
    if len(low) >= _LEAST_LEET and (
        any(len(_CLASSES.findall(part)) >= _MANY_CHANGES for part in _SEPARATORS.split(low)) or _is_scrambled(run)
    ):
        return Shape.KEY
    if _OFFICE.match(low):
        return Shape.USER
    words = [piece for piece in pieces if not piece.isdigit()]
    unknown = [word for word in words if not (is_built(word) if len(word) > 1 else True)]
    numbers = [piece for piece in pieces if piece.isdigit()]
    if unknown and len(unknown) > 1 and _whole_known(low):
        unknown = []
    if not numbers:
        return _joined(run, unknown)
    parts = _SEPARATORS.split(low)
    if not unknown:
        if _CAMEL.match(run) and all(piece.isdigit() or len(piece) >= _SHORTEST for piece in pieces):
            return Shape.HARMLESS
        if "-" in low and parts[-1] in _SIDES and len(parts[0]) > 1 and len(parts) == _PAIR and not parts[0].isdigit():
            return Shape.HOST
        if "-" in low and len(parts) == _PAIR and _NODE.match(parts[1]) and (parts[1][1] == "0" or _has_role(parts[0])):
            return Shape.HOST
        if "-" in low and len(parts) > _PAIR and parts[-1].isdigit() and any(part in _SHORT_ROLES for part in parts):
            return Shape.HOST
        if all(_is_harmless_part(part) for part in parts):
            return Shape.HARMLESS
        if any(_DIGITS_WITHIN.match(part) and not _is_harmless_part(part) for part in parts):
            return Shape.HOST
        is_machine = any(_has_role(word) for word in words) and not any(word in _COUNTING for word in words)
        if _LETTERS_THEN_DIGITS.match(low):
            return Shape.USER
        is_machine = is_machine or ("-" in low and parts[-1][-1:].isdigit() and not parts[-1].isdigit())
        is_machine = is_machine or any(number[0] == "0" != number for number in numbers)
        return Shape.HOST if is_machine and not any(word in _COUNTING for word in words) else Shape.COUNTED
    if _changes(run) >= _MANY_CHANGES and len(run) >= _LEAST_SECRET and "-" not in run and "." not in run:
        return Shape.KEY
    if _LETTERS_THEN_DIGITS.match(low) or "_" in run or _holds_name(unknown):
        return Shape.USER
    return Shape.HOST


_SHORTEST = 3
_COUNTING = listed(
    "step page phase table line col column row test item part chapter section figure fig appendix version ver rev"
    " level tier day week month year case issue ticket pr rule port vlan slot unit lane round task stage no num number"
    " arg param var tmp temp field key value type class group grp user id layer block chunk option"
)


def _is_harmless_part(part: str) -> bool:
    within = _DIGITS_WITHIN.match(part)
    if within and is_listed(within[1]) and is_built(within[2]):
        return True
    return (
        not part
        or part.isdigit()
        or is_listed(part)
        or (part.isalpha() and is_built(part))
        or _REFERENCE.match(part) is not None
        or _NUMBER.match(part) is not None
    ) and not (part.isdigit() and part[0] == "0" and len(part) > 1)


_DIGITS_WITHIN = re.compile(r"([a-z]{1,12}[0-9]+)([a-z]+)$")
_RESOURCE = re.compile(r"[a-z]{1,10}-[0-9a-f]{8,17}$")
"""Of clouds."""
_RELEASE = re.compile(r"([a-z]+)[_.\-]?v?[0-9]+(?:\.[0-9]+)+$")
_OFFICE = re.compile(r"[a-z0-9]{2,}(?:admin|adm|usr|svc)[0-9]{0,3}$")
"""Accounts are named after what they are for."""
_OF_SOMEBODY = (Shape.HOST, Shape.USER)
_NODE = re.compile(r"[a-uw-z][0-9]{1,2}$")
_ROMAJI = re.compile(r"(?=[a-z]{4})(?:(?:[kstnhmrgzdbpfwj]|[kstnhmrgbp]y|sh|ch|ts)?[aeiou]|n(?![aeiouy]))+$")
"""Japanese in Latin letters."""
_CAMEL = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)*[0-9]+(?:[A-Z][a-z]+)+$")
_OFFICES = listed("svc adm sa")
_TIERS = listed("bk std dr prd stg tst uat sby")
_SIDES = _TIERS | listed("prod blue green east west act a b c pri sec old new")
_MANY_SCRAMBLED = 6


def _is_scrambled(run: str) -> bool:
    """Whether both cases and digits change places more often than in words that are joined."""
    together = _SEPARATORS.sub("", run)
    return (
        len(_CLASSES.findall(together)) >= _MANY_SCRAMBLED
        and any(map(str.islower, run))
        and any(map(str.isupper, run))
        and sum(map(str.isdigit, run)) >= _PAIR
        and not all(piece.isdigit() or (len(piece) >= _SHORTEST and is_built(piece)) for piece in pieces_of(run))
    )


def _whole_known(low: str) -> bool:
    """Whether its parts are known as they stand, whatever the capitals say: ``PowerShell``, ``GitHub``."""
    return all(part.isdigit() or is_built(part) for part in _SEPARATORS.split(low) if part)


def _is_camel(run: str) -> bool:
    pieces = pieces_of(run)
    return len(pieces) > 1 and all(len(piece) == 1 or is_built(piece) for piece in pieces)


def _of_letters(low: str) -> Shape:
    """One unknown word: ``mtakeda`` is an initial and a surname, ``kyotofs`` a place and what a machine there does."""
    lexicon = english()
    if len(low) > _SHORTEST_ACCOUNT and (low[1:] in lexicon.surnames or low[:-1] in lexicon.surnames):
        return Shape.USER
    for cut in range(2, len(low) - 1):
        begin, end = low[:cut], low[cut:]
        if (end in _ROLES and _is_site(begin, lexicon)) or (begin in _ROLES and _is_site(end, lexicon)):
            return Shape.HOST
    return Shape.NAME


_SHORTEST_ACCOUNT = 4


def _is_site(word: str, lexicon: English) -> bool:
    return word in _SITES or (len(word) > _SHORTEST and (word in lexicon.places or word in lexicon.surnames))


def _has_role(word: str) -> bool:
    """Whether a word is what machines are for, or that and another word or place."""
    if word in _ROLES:
        return True
    if is_known(word):
        return False
    if any(
        len(role) >= _SHORTEST and role in _ROLES
        for role in (word[:-1], word[:-2], word[:-3], word[3:], word[2:], word[1:])
    ):
        return True
    lexicon = english()
    return any(
        (end in _ROLES and _is_part(begin, lexicon)) or (begin in _ROLES and _is_part(end, lexicon))
        for begin, end in ((word[:cut], word[cut:]) for cut in range(2, len(word) - 1))
    )


def _is_part(word: str, lexicon: English) -> bool:
    return word in _ROLES or _is_site(word, lexicon) or (len(word) > _SHORTEST and is_listed(word))


def _joined(run: str, unknown: list[str]) -> Shape:
    """Words without a number, joined."""
    low = run.lower()
    parts = [part for part in _SEPARATORS.split(low) if part]
    if len(parts) > 1 and parts[0] in _OFFICES and run == low:
        return Shape.USER
    if not unknown:
        is_pair = len(parts) == _PAIR and "-" in low and len(parts[0]) > 1
        is_machine = is_pair and (parts[1] in _TIERS or (parts[1] in _SIDES and _has_role(parts[0])))
        if is_machine or ("-" in low and _is_placed(parts)):
            return Shape.HOST
        is_role = "-" in low and len(parts) <= _FEW_PARTS and any(part in _SHORT_ROLES for part in parts)
        return Shape.ROLE if is_role else Shape.HARMLESS
    if len(parts) == 1:
        return Shape.NAME
    if run.isupper() and "_" in run and not any(_ROMAJI.match(word) for word in unknown):
        return Shape.HARMLESS  # the name of a constant or variable
    if "-" in low and "_" not in low and "." not in low:
        if len(parts) == _PAIR and len(parts[0]) == 1:
            return Shape.USER
        return Shape.HOST if any(part in _ROLES for part in parts) or _is_placed(parts) else Shape.COMPOUND
    if len(parts) == _PAIR and "-" not in low and ("_" in low or any(len(part) == 1 for part in parts)):
        return Shape.USER
    if len(parts) == _PAIR and _holds_name(parts):
        return Shape.USER
    return Shape.COMPOUND


_PAIR = 2
_FEW_PARTS = 4


def _is_placed(parts: list[str]) -> bool:
    """Whether they are a place or a name, and what a machine is for or on which side it stands."""
    lexicon = english()
    named = [part for part in parts if len(part) > _SHORTEST and _names_machines(part, lexicon)]
    others = [part for part in parts if part not in named]
    return len(named) == 1 and parts[0] in (*named, *_SHORT_ROLES) and any(part in _SHORT_ROLES for part in others)


def _names_machines(word: str, lexicon: English) -> bool:
    return word in lexicon.places or word in lexicon.surnames or word in lexicon.given


def is_romaji(word: str) -> bool:
    """Whether a word of small letters, not a short one, can be Japanese in Latin letters."""
    return len(word) > _SHORTEST_ACCOUNT and _ROMAJI.match(word) is not None


def _holds_name(words: list[str]) -> bool:
    lexicon = english()
    return any(
        word in lexicon.surnames
        or word in lexicon.given
        or word[1:] in lexicon.surnames
        or word[:-1] in lexicon.surnames
        for word in words
        if len(word) > _SHORTEST
    )


def _changes(run: str) -> int:
    return len(_CLASSES.findall(run)) - 1 if any(map(str.isdigit, run)) else 0


__all__ = ["Shape", "is_known", "shape_of"]
