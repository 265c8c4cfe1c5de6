"""Hosts, accounts and hardware as logs and paths name them."""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.systems.domain_names import detect_domain_names
from sakimori.gateway.boundary.detectors.words.lexicon import english, listed
from sakimori.gateway.boundary.detectors.words.looks import Shape, shape_of
from sakimori.gateway.boundary.detectors.words.vocabulary import is_built, is_known
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_MAC = Gate(
    r"(?<![0-9a-f:\-])(?:[0-9a-f]{2}([:\-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}"
    r"|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?![0-9a-f:\-])",
    needs=r"[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
)
_BARE_MAC = Gate(r"[0-9A-F](?<![0-9A-Za-z_\-./+][0-9A-F])[0-9A-F]{11}(?![0-9A-Za-z_\-./+=])")
_OWN_DOMAIN = Gate(
    r"(?<![a-z0-9.\-_@])(?:[a-z0-9\-_]{1,63}\.)*[a-z0-9\-]{0,40}"
    r"(?:bank|ginko|ginkou|shinkin|shinkumi|-bk|bk-|shoken|shintaku|lease|hoken|securities)[a-z0-9\-]{0,20}"
    r"(?:\.[a-z0-9\-]{2,20})?\.(?:(?:co|ne|or|go|lg|ad|gr)\.)?jp(?![a-z0-9\-])"
)
"""Of banks: a machine of the institution or of one that it deals with."""
_UNC = Gate(r"(?<![\\a-z0-9:])(?:\\\\|\\\\\\\\)([a-z0-9][a-z0-9.\-_]{1,62})\\")
_HOMES = (
    Gate(r":(?<=[a-z]:)(?:\\\\|\\|/)(?:users|documents and settings)(?:\\\\|\\|/)([^\\/\s\"'<>|:,;)\]}$%*]{2,40})"),
    Gate(r"/(?<![a-z0-9.]/)(?:home|users)/([^\\/\s\"'<>|:,;)\]}$%*]{2,40})"),
)
_DOWN_LEVEL = Gate(
    r"(?<![A-Za-z0-9\\./_\-])(?<![A-Za-z]:)([A-Z][A-Z0-9\-]{1,14})(?:\\|\\\\)([A-Za-z][A-Za-z0-9._\-$]{1,40})(?![A-Za-z0-9\\_])"
)
_SID = Gate(r"(?<![a-z0-9\-])s-1-5-21(?:-[0-9]{1,10}){3,4}(?![0-9\-])")
_WHOAMI = Gate(r"(?:^|\n)([a-z0-9][a-z0-9\-]{1,14})\\([a-z0-9][a-z0-9._\-$]{1,40})[ \t\r]*(?=\n|$)")
_LEASE = Gate(r"[0-9a-f]{2}:[0-9a-f]{2} \(([^\s()0-9:][^\s():]{1,62})\)")
"""The client's name in a line of a DHCP server."""
_BESIDE_PASSWORD = Gate(
    r"(?<![a-z0-9])id[ :=は「『]{1,3}([a-z0-9][a-z0-9._@\-]{2,40})[」』]?[ ]?"
    r"(?:と|、|,|/|・|および|及び|and|[ ])[ ]?(?:パスワード|pw|pass)"
)
_SYSLOG = Gate(
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:z"
    r"|[+\-][0-9]{2}:?[0-9]{2})? ([a-z0-9][a-z0-9.\-]{1,62}) [a-z0-9_.\-/()]{2,40}(?:\[[0-9]{1,10}\])?:"
)
_AFTER_ACCOUNT = r"[0-9]{0,4}(?![a-z0-9_.@/\\(\-=]|\.[a-z])"
_IDENTITY = Gate(r"\s-(?:identity|samaccountname)\s{1,3}[\"']?([a-z0-9][a-z0-9._\-$\\]{1,60})(?![a-z0-9._\-$])")
_HANDLE = Gate(r"@(?<![A-Za-z0-9._@/]@)([A-Za-z0-9_]{3,30})(?![A-Za-z0-9_@(/]|\.[A-Za-z0-9])")
_SAID_AT = Gate(
    r"(?:^|\n)([a-z][a-z0-9_.\-]{2,30})[ \t]{1,3}[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[ap]m)?"
    r"(?=[ \t\r]*\n|[ ]{2}[^\s])"
)
_PLATE = Gate(
    r"(?<![a-z])(?:plates?|vehicle|car|registration|reg\.?)[ :.no#]{0,8}"
    r"([a-z]{3,12} [0-9]{2,3} [a-z]{1,3} [0-9]{1,2}-?[0-9]{2})(?![0-9])"
)
_NICKNAME = Gate(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?\]? <([^<>\s/]{2,30})> ")
"""Who speaks, in the logs of chats."""
_ID_OF = Gate(
    r"(?:id|アカウント(?:名)?|ユーザー?(?:名|id)?|ログ[イオ]ン(?:名|ユーザー?(?:名)?)|要求者|操作者|オペid)"
    r"(?:[ ]?[(「『\"'`]|[ ]{1,2}|[:=は][ ]?)([a-z][a-z0-9]{0,20}(?:[.\-_][a-z0-9]+){0,4})"
    r"(?=[」』)\"'`。、, をがはでとにへの(]|\n|$)"
)
_ENTERED = Gate(
    r"(?:(ドメイン|ワークグループ)名?|ログ[イオ]ン(?:中の)?ユーザー?名?|使用者id)[ ]?[:=][ ]?"
    r"([^\s、,。:;=]{3,40})(?=[\s、,。;]|$)"
)
_KEY_FILE = Gate(r"id_(?:rsa|dsa|ecdsa|ed25519)[_\-.]([a-z][a-z0-9_\-]{2,30})")
_SITE = Gate(
    r"(?:web ?site|home ?page|web ?page|my site|posted (?:a |the )?(?:photo|video|link)"
    r"|shared (?:[a-z]+ ){0,5}you|ホームページ|ウェブサイト|hp|サイト|url"
    r"|lp)[ \u3000\"'は:=\n]{0,6}(?:is |at |addresse?s? )?[ ]?(https?://(?!127\.|localhost)[^\s\"'<>)、。]{4,200}"
    r"|www\.[^\s\"'<>)、。]{4,120})"
)
_FIREWALL = Gate(
    r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8},([0-9]{9,15}),"
    r"(?:traffic|threat|system|config|hipmatch|globalprotect|userid|decryption|authentication),"
)
"""Its serial number, in the logs of PAN-OS."""
_INVENTORY = Gate(
    r"(?:host_vars|hosts\.d|config_backups?|running-configs?)/([a-z0-9][a-z0-9.\-]{1,60}?)"
    r"(?=\.(?:ya?ml|cfg|conf|txt)(?![a-z0-9])|/|[\s\"']|$)"
)
_COPIED = Gate(
    r"t?ftp://[^\s/]{1,100}/(?:[^\s/]{1,60}/){0,4}([a-z][a-z0-9]{0,20}(?:-[a-z0-9]{1,20}){1,5})(?:-confg|\.(?:cfg|conf|bak))"
)
"""Configurations of network devices, in files called after them."""
_LOCAL_ACCOUNT = Gate(
    r"(?:admin|account|user|login|logon|with|using|as)s?[ :=\"']{1,2}\.\\([a-z][a-z0-9._\-]{1,30})(?![a-z0-9\\])"
)
_QUOTED_USER = Gate(r"(?<![a-z])(?:user(?:name)?|author|creator) ?['\"\[<「]([a-z][a-z0-9._\-]{2,40})['\"\]>」]")
_SHARED = Gate(
    r"(?<![a-z])(?:shared|login|common|service|batch|generic|admin) (?:id|account|login) "
    r"([a-z][a-z0-9._\-]{2,30})(?![a-z0-9@(])"
)
_SPEAKS = Gate(r"(?:^|\n)<([^<>\s/@]{2,30})> (?=[^\s<])")
_OF_SIGN = (
    (_LEASE, Kind.HOST, "lease"),
    (_BESIDE_PASSWORD, Kind.USER, "beside-password"),
    (_PLATE, Kind.PLATE, "plate"),
    (_NICKNAME, Kind.USER, "nickname"),
    (_FIREWALL, Kind.DEVICE, "firewall"),
    (_INVENTORY, Kind.HOST, "inventory"),
    (_COPIED, Kind.HOST, "inventory"),
    (_LOCAL_ACCOUNT, Kind.USER, "local-account"),
    (_SITE, Kind.URL, "site"),
)
"""Where nothing but such a thing can stand; it is group 1."""
_UNLESS_KNOWN = (
    (_SAID_AT, "nickname"),
    (_SPEAKS, "nickname"),
    (_KEY_FILE, "key-file"),
    (_QUOTED_USER, "quoted"),
    (_SHARED, "shared"),
)
"""Accounts, where words can stand, too."""
_OF_PERSON = Gate(r"[A-Z][a-z'\-]{1,20},? [A-Z][A-Za-z'\-.]{0,20} \(([a-z][a-z0-9._\-]{3,20})\)")
"""An account behind a name."""
_TARGET = Gate(
    r"(?:接続[先元]|サーバー?名?|ホスト名?|端末名?|機器名?|対象機?|踏み台|送信先|転送先|宛先|ノード|筐体)"
    r"[ :=は「]{1,3}"
    r"([a-z][a-z0-9]{0,20}(?:-[a-z0-9]{1,20}){1,5})(?![a-z0-9.])"
)

_JAPANESE = re.compile("[\u3041-\u30fe\u4e00-\u9fff]")
_NEAR = 12
_LEVELS = listed("info warn warning error err debug notice crit critical trace fatal alert emerg verbose")
_EVERYONE = listed(
    "public default all defaultuser0 defaultappool administrator admin root user users shared guest"
    " ubuntu ec2-user vagrant runner system xxx username name"
)
_NO_DOMAIN = listed(
    "AUTHORITY HKLM HKCU HKCR HKU HKEY BUILTIN WORKGROUP NT WINDOWS SYSTEM32 IIS APPPOOL SYSTEM SOFTWARE SAM"
    " SECURITY REGISTRY MACHINE DEVICE NTDS CMD UTF AND OR NOT"
)


def detect_machines(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _MAC.finditer(text):
        digits = re.sub("[^0-9a-f]", "", match[0])
        if digits not in ("0" * 12, "f" * 12):
            yield Hit(match.start(), match.end(), Kind.MAC, "mac", digits)
    for match in _BARE_MAC.finditer(folded.cased):
        if any(map(str.isdigit, match[0])) and any(map(str.isalpha, match[0])):
            yield Hit(match.start(), match.end(), Kind.MAC, "mac", match[0].lower())
    for match in _OWN_DOMAIN.finditer(text):
        yield Hit(match.start(), match.end(), Kind.HOST, "own-domain", match[0])
    if "\\" in text:
        for match in _UNC.finditer(text):
            if match[1] not in ("localhost", "127.0.0.1", "tsclient"):
                yield Hit(match.start(1), match.end(1), Kind.HOST, "unc", match[1])
        for match in _DOWN_LEVEL.finditer(folded.cased):
            if match[1] not in _NO_DOMAIN and match[2].lower() not in _EVERYONE:
                yield Hit(match.start(1), match.end(1), Kind.DOMAIN, "down-level", match[1].lower())
                yield Hit(match.start(2), match.end(2), Kind.USER, "down-level", match[2].lower())
        for match in _WHOAMI.finditer(text):
            if match[1].upper() not in _NO_DOMAIN and match[2] not in _EVERYONE:
                yield Hit(match.start(1), match.end(1), Kind.DOMAIN, "down-level", match[1])
                yield Hit(match.start(2), match.end(2), Kind.USER, "down-level", match[2])
    for match in _SID.finditer(text):
        yield Hit(match.start(), match.end(), Kind.USER, "sid", match[0])
    for match in _IDENTITY.finditer(text):
        if match[1] not in _EVERYONE:
            yield Hit(match.start(1), match.end(1), Kind.USER, "command", match[1])
    for pattern, kind, name in _OF_SIGN:
        for match in pattern.finditer(text):
            yield Hit(*match.span(1), kind, name, match[1])
    for pattern, name in _UNLESS_KNOWN:
        for match in pattern.finditer(text):
            if not is_known(match[1]) and match[1] not in _EVERYONE:
                yield Hit(*match.span(1), Kind.USER, name, match[1])
    for pattern in _HOMES:
        for match in pattern.finditer(text):
            if match[1] not in _EVERYONE and not match[1].startswith(("*", "<", "{", "%", "$")):
                yield Hit(match.start(1), match.end(1), Kind.USER, "home-folder", match[1])
    for match in _OF_PERSON.finditer(folded.cased):
        if shape_of(match[1]) is not Shape.HARMLESS:
            yield Hit(*match.span(1), Kind.USER, "of-person", match[1])
    yield from detect_domain_names(folded)
    for match in _SYSLOG.finditer(text):
        if not match[1].isdigit() and match[1] not in _LEVELS:
            yield Hit(match.start(1), match.end(1), Kind.HOST, "syslog", match[1])
    for match in _HANDLE.finditer(folded.cased):
        name = match[1].lower()
        if name not in english().words and (
            name in english().given
            or any(c in "0123456789_" for c in name)
            or (name == match[1] and not is_built(name))
        ):
            yield Hit(match.start(1), match.end(1), Kind.USER, "handle", name)
    if not text.isascii():
        yield from _in_japanese(text)


def _in_japanese(text: str) -> Iterator[Hit]:
    for match in _ID_OF.finditer(text):
        if _JAPANESE.search(text, max(0, match.start() - _NEAR), match.end() + _NEAR) and _is_account(match[1]):
            yield Hit(*match.span(1), Kind.USER, "id-of", match[1])
    for match in _ENTERED.finditer(text):
        if match[2] not in _EVERYONE:
            yield Hit(*match.span(2), Kind.DOMAIN if match[1] else Kind.USER, "entered", match[2])
    for match in _TARGET.finditer(text):
        if not all(map(is_built, match[1].split("-"))):
            yield Hit(*match.span(1), Kind.HOST, "target", match[1])


def _is_account(name: str) -> bool:
    """Whether what stands behind 「ID」 is one: joined, or a word that is not known."""
    return name not in _EVERYONE and (any(sign in name for sign in "-_.") or not is_built(name))
