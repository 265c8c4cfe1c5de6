"""Machines, accounts and keys by their place in what connects them: ``//host``, ``account@host``, ``DOMAIN\\account``,
``account/password@service``, lines of ``.pgpass``, of ``sshd`` and ``sudo``, distinguished names, stored passwords.

Each form has a sign that few texts hold; it is looked for first.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.systems.sessions import detect_sessions
from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.looks import Shape, shape_of
from sakimori.gateway.boundary.detectors.words.vocabulary import customary_names, is_known, is_listed
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

NOBODY = listed(
    "root admin administrator system localhost guest nobody none null true false unknown user users local service"
    " everyone anonymous default all any self www-data daemon bin nt authority builtin string text name type id"
    " username network-service local-service postgres mysql oracle nginx apache sshd git docker jenkins names login"
    " owner client request current value data info object record email mail member session db config args kwargs cls"
    " this item row str int password public private cn uid ou dc o n/a na yes no on off required optional 127.0.0.1"
    " 0.0.0.0"
)
"""Who everybody is, and what stands where an account's name could stand."""
_AUTHORITIES = (
    ("://", Gate(r"://([a-z0-9][a-z0-9\-_]*+)(?=[:/\s\"',);>\]]|$)", needs="://[a-z0-9]", within=4)),
    ("//", Gate(r"//(?<![a-z0-9:/]//)([a-z0-9][a-z0-9\-_]*+)(?=/[a-z0-9$])", needs="//[a-z0-9]", within=3)),
    (
        "\\\\",
        Gate(
            r"\\\\(?<![a-z0-9\\]\\\\)([a-z0-9][a-z0-9\-_]*+)(?=[\\\s\"',);>\]]|$)",
            needs=r"\\\\[a-z0-9]",
            within=3,
        ),
    ),
)
_AT = re.compile(r"@(?://)?([a-z0-9][a-z0-9\-_.]*)(?=[:/\s\"',);>\]]|$)")
_LOCAL_BACKWARDS = re.compile(r"([a-z0-9._\-$]*[a-z0-9])(?![a-z0-9!#%&*+=?^`{|}~@])")
_SECRET_BACKWARDS = re.compile(r"([^\s/@\"']{3,64})/([a-z0-9_.\-]{2,30})(?![a-z0-9_.\-/])")
_LOGIN = Gate(
    r"(?:sqlplus|rman|expdp|impdp|sqlldr)\b[^\n]{0,80}?[ =]([a-z0-9_.\-]{2,30})/([^\s/@\"']{3,64})(?=[\s@]|$)"
)
_PGPASS = Gate(
    r"(?:^|\n)([^\s:#]{1,100}):(?:[0-9]{2,5}|\*):[^\s:]{1,64}:([^\s:]{1,64}):([^\s]{1,100})",
    needs=r":(?:[0-9]{2,5}|\*):[^\s:]{1,64}:[^\s:]",
)
_NETRC = Gate(
    r"(?:machine[ \t]{1,4}([^\s]{2,100})\s{1,20})?login[ \t]{1,4}([^\s]{2,64})\s{1,20}password[ \t]{1,4}([^\s]{2,100})",
    needs=r"login[ \t]{1,4}[^\s]{2,64}\s{1,20}password[ \t]",
)
_IKE_SECRET = Gate(
    r"(?<![^\s]): (?:psk|eap|rsa|xauth|ecdsa|ntlm|pkcs8|pkcs12|pin)[ \t]{1,4}(?:[^\s\"]{1,200}[ \t]{1,4})?"
    r"\"([^\"\n]{1,200})\""
)
_IKE = Gate(r"(?:^|\n)[ \t]*([@%a-z0-9.\-_: ]{2,120}?)[ \t]{1,4}: (?:psk|eap|rsa|xauth|ecdsa|ntlm|pkcs8)[ \t]")
"""Whose keys they are, in strongSwan's ipsec.secrets."""
_DOWN_LEVEL = Gate(
    r"(?<![a-z0-9\\/.%_\-])(?<![a-z]:)([a-z][a-z0-9\-]{1,14})\\{1,2}([a-z][a-z0-9._\-$]{1,40})(?![a-z0-9\\:*?])",
    needs=r"[a-z0-9\-]\\{1,2}[a-z][a-z0-9._\-$]",
    within=20,
)
_ACCOUNT_OF = Gate(
    r"(?<![a-z])(?:account|user(?:name)?|login|(?:logged|logs|log|signed) (?:on|in) as|runs? as)[ :=\"']{1,3}"
    r"([a-z][a-z0-9\-]{1,14})\\{1,2}([a-z][a-z0-9._\-$]{1,40})(?![a-z0-9\\:*?])"
)
"""As ``_DOWN_LEVEL``, of whatever words."""
_NAME = r"[a-z][a-z0-9]+(?:[._\-][a-z0-9]+)*"
_ENTERED = Gate(
    r"(?<![a-z])(?:ssh'?e?d?|rdp'?e?d?|telnet(?:ted)?|log(?:ged|ging)?[ \-]?(?:in|on)|sign(?:ed|ing)?[ \-]?(?:in|on)"
    r"|connect(?:ed|ing)?|remot(?:ed|ing)|impersonat(?:ed?|ing))"
    rf"(?: (?:(?:in|on)?to|on|from|via) (?:the )?({_NAME})(?: as (?:user )?({_NAME}))?| as (?:user )?({_NAME}))"
    r"(?= (?:as|and|but|from|at|via|with|to)\b|[,;:)]|\.?(?:[ \n]|$))"
)
"""Where people say that somebody logs on to."""
_GOES_ON = re.compile(r" (?!(?:as|and|but|from|at|via|with|to)\b)[a-z]")
_DIRECTORIES = listed("azuread microsoftaccount")
"""That stand where a domain's name does (Windows, accounts of Entra ID)."""
_FOR = Gate(
    r" for (?:invalid user |illegal user |user |account )?([a-z0-9][a-z0-9._\-$\\]{0,64})"
    r"(?= (?:from|by|on|at|via)\b|[(:,\n]|$)"
)
_LOGGED = re.compile(
    r"password|publickey|session|authenticat|log[io]n|logged|opened|closed|accepted|failed|failure|denied"
)
_ADDRESS = re.compile("[0-9.]+")
_SUDO = re.compile(r"sudo(?:\[[0-9]+\])?: {1,6}([a-z0-9][a-z0-9._\-]*) :")
_SWITCHED = re.compile(r"\(to ([a-z0-9][a-z0-9._\-]*)\)(?: ([a-z0-9][a-z0-9._\-]*) on )?")
_ASKED = Gate(
    r"(?<![a-z0-9_])(?:hostname(?:\.exe| -[sf])?\r?\n([a-z0-9][a-z0-9.\-]*)"
    r"|(?:whoami|logname)\r?\n(?:[a-z0-9\-]+\\)?([a-z0-9][a-z0-9._\-]*))(?=\s|$)",
    needs=r"(?:hostname(?:\.exe| -[sf])?|whoami|logname)\r?\n",
    within=15,
)
_COMPONENTS = re.compile(r"dc=[a-z0-9\-]+(?:,[ ]?dc=[a-z0-9\-]+)+")
_STORED = Gate(
    r"\$(?:[0-9]|2[abxy]|g?y|apr1|argon2i?d?|pbkdf2[a-z0-9\-]*|s?sha[0-9]{0,3}|md5|[sb]crypt)\$[a-z0-9./$+=,\-]{8,256}"
    r"|\{(?:s?sha[0-9]{0,3}|s?md5|ssha[0-9]{3}|crypt|pbkdf2[a-z0-9\-]*)\}[a-z0-9+/=$.]{8,256}"
    r"|\*[0-9a-f]{40}(?![0-9a-f])|[0-9a-f]{32}:[0-9a-f]{32}(?![0-9a-f])|(?<![0-9\-])[0-9]{6}(?:-[0-9]{6}){7}(?![0-9\-])",
    needs=r"\$(?:[0-9]|2[abxy]|g?y|apr1|argon2i?d?|s?sha[0-9]{0,3}|md5|[sb]crypt)\$|\$pbkdf2|\{(?:s?sha|s?md5|crypt|pbkdf2)"
    r"|\*[0-9a-f]{32}|[0-9a-f]{32}:[0-9a-f]|[0-9]{6}(?:-[0-9]{6}){3}",
)
"""Modular crypt, LDAP, MySQL, the dumps of Windows (LM:NT), BitLocker's recovery keys."""
_IDENTIFIED = Gate(r"identified (?:by|with [a-z0-9_'\"]{1,40} (?:by|as))(?: password)? ['\"]([^'\"\n]{1,200})['\"]")
_ARGUMENT = Gate(r" a[0-9]=\"-([hup])([^\"\s]{3,100})\"")
"""Of clients of databases, as auditd writes commands."""
_ARGUMENTS = {"h": Kind.HOST, "u": Kind.USER, "p": Kind.SECRET}
_CLIENT = re.compile(r"a0=\"(?:[^\"\s]*/)?(?:mysql[a-z]*|mariadb[a-z\-]*|sqlcmd|mongo[a-z]*)\"")
_ROBOT = Gate(r"robot\$([a-z0-9][a-z0-9._+\-]{2,60})")
"""Accounts that registries of images give to programs."""
_LOGIN_IS = Gate(
    r"(?<![a-z])(?:login|user(?: ?name| ?id)?|account|id) ?(?:is|was|=|:) ?([a-z][a-z0-9._\-]{2,30})[,;/ ]{1,3}"
    r"(?:and )?(?:the )?(?:pw|pass|password|pin|pwd|passcode)(?![a-z])"
)
_BESIDE = Gate(r"(?<![a-z0-9._\-/\\])([a-z][a-z0-9._\-]{2,30}) / ([^\s/、。,]{6,40})(?=[\s、。,]|$)")
"""Perhaps an account and its password."""
_CALL = Gate(
    r"(?:connect[a-z_]{0,20}\(\s{0,4}[\"']([^\"'\s]{1,100})[\"']\s{0,4},\s{0,4}"
    r"|(?:login|auth|authenticate|basic_?auth|credentials?)\(\s{0,4})"
    r"[\"']([^\"'\s]{1,64})[\"']\s{0,4},\s{0,4}[\"']([^\"'\n]{1,128})[\"']",
    needs=r"(?:connect[a-z_]{0,20}|login|auth|authenticate|basic_?auth|credentials?)\(\s{0,4}[\"']",
)
"""Of libraries: a machine, who logs on, and with what."""
_HOOK = re.compile(
    r"(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks|webhook\.office\.com/[a-z0-9]+)/([!-~]{10,300})"
)
_LOOK_BACK = 70


def detect_connections(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for sign, pattern in _AUTHORITIES:
        for match in pattern.finditer(text) if sign in text else ():
            if not text.endswith("file", 0, match.start()):
                yield from _machine(match)
    if "@" in text:
        yield from _at(text)
    for match in _ACCOUNT_OF.finditer(text):
        if match[1] not in NOBODY and match[2] not in NOBODY:
            yield Hit(*match.span(1), Kind.DOMAIN, "down-level", match[1])
            yield Hit(*match.span(2), Kind.USER, "down-level", match[2])
    if "\\" in text:
        for match in _DOWN_LEVEL.finditer(text):
            is_domain = match[1] not in NOBODY and not is_known(match[1])
            if (is_domain or match[1] in _DIRECTORIES) and not (is_known(match[2]) or match[2] in NOBODY):
                yield Hit(*match.span(1), Kind.DOMAIN, "down-level", match[1])
                yield Hit(*match.span(2), Kind.USER, "down-level", match[2])
    for match in _ENTERED.finditer(text):
        host, of_user = match[1], 2 if match[2] else 3
        user = match[of_user]
        if host and "-" in host and (user or not _GOES_ON.match(text, match.end(1))):
            yield Hit(*match.span(1), Kind.HOST, "entered", host)
        if user and not is_listed(user) and user not in NOBODY:
            yield Hit(*match.span(of_user), Kind.USER, "entered", user)
    for match in _NETRC.finditer(text):
        for group, kind in ((1, Kind.HOST), (2, Kind.USER), (3, Kind.SECRET)):
            if match[group] and match[group] not in NOBODY:
                yield Hit(*match.span(group), kind, "netrc", match[group])
    for match in _IKE_SECRET.finditer(text):
        yield Hit(*match.span(1), Kind.SECRET, "ipsec-secrets", match[1])
    for match in _IKE.finditer(text):
        for name in re.finditer(r"[a-z0-9][a-z0-9.\-_]*", match[1]):
            if not _ADDRESS.fullmatch(name[0]):
                yield Hit(
                    match.start(1) + name.start(), match.start(1) + name.end(), Kind.USER, "ipsec-secrets", name[0]
                )
    for match in _PGPASS.finditer(text):
        for group, kind in ((1, Kind.HOST), (2, Kind.USER), (3, Kind.SECRET)):
            yield Hit(*match.span(group), kind, "pgpass", match[group])
    for match in _LOGIN.finditer(text):
        yield Hit(*match.span(1), Kind.USER, "connect", match[1])
        yield Hit(*match.span(2), Kind.SECRET, "connect", match[2])
    yield from _logged(text)
    if "dc=" in text:
        for match in _COMPONENTS.finditer(text):
            yield Hit(*match.span(), Kind.DOMAIN, "dn", match[0])
    for match in _STORED.finditer(text):
        yield Hit(*match.span(), Kind.SECRET, "stored-password", match[0])
    for match in _IDENTIFIED.finditer(text):
        yield Hit(*match.span(1), Kind.SECRET, "statement", match[1])
    for match in _ARGUMENT.finditer(text):
        if _CLIENT.search(text, text.rfind("\n", 0, match.start()) + 1, match.start()):
            yield Hit(*match.span(2), _ARGUMENTS[match[1]], "argument", match[2])
    for match in _ROBOT.finditer(text):
        yield Hit(*match.span(1), Kind.USER, "robot", match[1])
    for match in _BESIDE.finditer(text):
        if shape_of(match[1]) in (Shape.USER, Shape.HOST) and _is_mixed(match[2]):
            yield Hit(*match.span(1), Kind.USER, "connect", match[1])
            yield Hit(*match.span(2), Kind.SECRET, "connect", match[2])
    for match in _CALL.finditer(text):
        for group, kind in ((1, Kind.HOST), (2, Kind.USER), (3, Kind.SECRET)):
            if match[group] and match[group] not in NOBODY:
                yield Hit(*match.span(group), kind, "call", match[group])
    if "hook" in text:
        for match in _HOOK.finditer(text):
            yield Hit(*match.span(1), Kind.SECRET, "webhook", match[1])
    for match in _LOGIN_IS.finditer(text):
        if match[1] not in NOBODY:
            yield Hit(*match.span(1), Kind.USER, "beside-password", match[1])
    yield from detect_sessions(folded)


def _is_mixed(value: str) -> bool:
    """Whether letters and digits stand in it, with a sign or as in no word."""
    return (
        any(map(str.isdigit, value))
        and ":" not in value
        and any(map(str.isalpha, value))
        and (shape_of(value) is not Shape.HARMLESS or not value.replace("-", "").isalnum())
    )


def _machine(match: re.Match[str]) -> Iterator[Hit]:
    name = match[1].rstrip("-")
    is_word = name.isalpha() and is_known(name) and name not in customary_names()
    if name not in NOBODY and not is_word and not name.isdigit():
        yield Hit(match.start(1), match.start(1) + len(name), Kind.HOST, "connection", name)


def _at(text: str) -> Iterator[Hit]:
    """``account@host``, ``account/password@service``; with a dot in it, the host's name makes it mail."""
    for match in _AT.finditer(text):
        start = match.start()
        backwards = text[max(0, start - _LOOK_BACK) : start][::-1]
        pair = _SECRET_BACKWARDS.match(backwards)
        if pair:
            yield from _machine(match)
            yield Hit(start - len(pair[1]), start, Kind.SECRET, "connect", pair[1][::-1])
            yield Hit(start - pair.end(2), start - pair.start(2), Kind.USER, "connect", pair[2][::-1])
            continue
        local = _LOCAL_BACKWARDS.match(backwards) if "." not in match[1] else None
        if local:
            yield from _machine(match)
            name = local[1][::-1]
            if name not in NOBODY and not name.isdigit():
                yield Hit(start - len(name), start, Kind.USER, "connection", name)


def _logged(text: str) -> Iterator[Hit]:
    """Who logs on and becomes whom, as daemons and shells say it."""
    for match in _FOR.finditer(text):
        before = text[max(0, match.start() - _LOOK_BACK) : match.start()].rpartition("\n")[2]
        if match[1] not in NOBODY and _LOGGED.search(before):
            yield Hit(*match.span(1), Kind.USER, "logged", match[1])
    if "sudo" in text:
        for match in _SUDO.finditer(text):
            if match[1] not in NOBODY:
                yield Hit(*match.span(1), Kind.USER, "logged", match[1])
    if "(to " in text:
        for match in _SWITCHED.finditer(text):
            for group in (1, 2):
                if (
                    match[group]
                    and match[group] not in NOBODY
                    and " su" in text[max(0, match.start() - _LOOK_BACK) : match.start()]
                ):
                    yield Hit(*match.span(group), Kind.USER, "logged", match[group])
    for match in _ASKED.finditer(text):
        group, kind = (1, Kind.HOST) if match[1] else (2, Kind.USER)
        if match[group] not in NOBODY:
            yield Hit(*match.span(group), kind, "asked", match[group])
