"""What a field's or option's name tells of its value, by the words it is made of: ``smtpPassword``, ``--bind-user``.

Names are not listed; their words are. The last word is what the value is (``password_file`` is a file); before it a
word such as ``password`` counts only where the last one says nothing of its own.
"""

from functools import lru_cache

from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.vocabulary import is_listed, pieces_of
from sakimori.gateway.boundary.span import Kind

_SECRET = listed(
    "password passwords passwd pass pwd pw passphrase passcode phrase secret secrets token apikey cred creds"
    " credential credentials psk pin salt cookie otp totp sig hmac bearer authtok authtoken authkey sessid sessionid"
    " jsessionid phpsessid passkey presharedkey privatekey secretkey accesskey sharedsecret pskey authorization"
    " keypass storepass passin passout community wpapsk kw pword passwort unlock"
    " tmk zmk kek lmk zpk pvk bdk ipek"
)
_SECRET_ENDINGS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "passcode", "pwd", "pass", "psk")
_KEY_OF = listed(
    "api access secret private encryption encrypt signing sign shared master storage account auth license licence"
    " session jwt hmac crypto cipher ssh preshared pre host rndc tsig deploy service client webhook consumer"
    " application app aes des wep wpa network nonce unseal"
)
"""Before ``key``: keys of locks, not of tables."""
_USER = listed(
    "user username usename userid usr uname login logon owner acct account uid samid samaccountname principal"
    " suser duser"
    " assignee operator actor runas upn userprincipalname logonname loginname binddn become subjectusername"
    " targetusername dbuser createdby requester handle nick nickname whoami"
)
_USER_ENDINGS = ("user", "username", "login", "userid", "usrprf")
_HOST = listed(
    "host hostname hosts server servers srv node nodes nodename peer peers machine computer computername workstation"
    " endpoint relay relayhost broker brokers master slave replica standby upstream backend proxy nas bastion jumphost"
    " remote shost dhost dvchost device dvc devname sysname conname connname servername gateway gw client fqdn dc sv"
    " vm hypervisor esx cluster namenode forwarder collector indexer nameserver datacenter kdc vip loghost smarthost"
    " printer terminal lpar sysplex tablet laptop kiosk"
)
_HOST_ENDINGS = ("host", "hostname", "server", "node", "servers", "hosts")
_DOMAIN = listed("domain realm workgroup ntdomain domainname")
_ATTRIBUTE = listed(
    "type length len count size timeout enabled disabled policy file files filename path dir directory folder agent"
    " method mode algorithm algo expires expiry expired ttl age min max format status state version class group groups"
    " variable var field column header prompt hint reset changed change required rotation hash url uri endpoint number"
    " no index limit limits attempts attempt retries retry failures failure history strength complexity manager store"
    " provider source scope scopes role roles level rate interval time date created updated used usage cache storage"
    " table schema event events action actions id ids string option options flag flags name names ref refs handler"
    " service port ports elevation info information title description comment result reason code category kind lock"
    " locked tags tag label labels config configuration settings setting check checks validation validator key keys"
    " component prefix suffix pattern list map domain locale language lang home shell env environment budget tokens per"
)
"""What a value is of its own, whatever stands before: ``user_agent``, ``password_policy``."""
_TELLS_WHO = listed("id name names string code")
_TELLS_WHAT = listed("string hash component")
"""Attributes that are the thing itself: a user's name, a session's id; the hash of a password."""
_TELLING = (
    *("key", "session", *_SECRET, *_USER, *_DOMAIN, *_HOST),
    *(*_SECRET_ENDINGS, *_USER_ENDINGS, *_HOST_ENDINGS),
)
TELLING_END = (
    rf"(?:{'|'.join(sorted(set(_TELLING)))})"
    rf"(?:[0-9_.\-]|{'|'.join(sorted(_TELLS_WHO | _TELLS_WHAT))})*"
)
"""What every name ends with that tells something, in small letters; for gates, which look for such names."""


@lru_cache(16_384)
def told_by(name: str) -> Kind | None:
    """SECRET, USER, HOST or DOMAIN as the name of a field says, capitals as they were; None if it says none."""
    words = [piece for piece in pieces_of(name) if not piece.isdigit()]
    if not words or len(words) > _MOST_WORDS:
        return None
    last = words[-1]
    if last in _SECRET:
        return Kind.SECRET
    if last == "key" and len(words) > 1 and (words[-2] in _KEY_OF or _ends(words[-2], _SECRET_ENDINGS)):
        return Kind.SECRET
    if words[-_FEW_WORDS:] == ["session", "id"]:
        return Kind.SECRET
    if _ends(last, _SECRET_ENDINGS) and not is_listed(last):
        return Kind.SECRET
    if last in _USER or _ends(last, _USER_ENDINGS):
        return Kind.USER
    if last in _DOMAIN:
        return Kind.DOMAIN
    if last in _HOST or _ends(last, _HOST_ENDINGS):
        return Kind.HOST
    if last in _ATTRIBUTE and len(words) > 1:
        kind = told_by("_".join(words[:-1]))
        return kind if last in (_TELLS_WHAT if kind is Kind.SECRET else _TELLS_WHO) else None
    return None


_MOST_WORDS = 12
_FEW_WORDS = 2


def _ends(word: str, endings: tuple[str, ...]) -> bool:
    return word.endswith(endings) and not any(word == ending for ending in _NO_ENDINGS)


_NO_ENDINGS = ("bypass", "compass", "surpass", "encompass", "trespass", "underpass", "overpass", "ghost", "observer")
