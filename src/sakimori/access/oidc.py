"""Signing people in at their institution's identity provider (OpenID Connect Core 1.0; RFC 8628 for terminals).

A browser uses the authorisation code with PKCE (RFC 7636), a terminal the device flow. What comes back is an ID token,
which ``verify`` checks: signature by one of the provider's published keys, issuer, audience, nonce, times. Sakimori is
a public client and keeps no client secret. Whose place in the programme a token proves, ``identify`` says.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import orjson
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sakimori.access.principal import Role
from sakimori.access.sign_in import SignIn
from sakimori.core import Clock, ExitCode, Nanos, SakimoriError

_SCOPE = "openid email groups offline_access"
_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]
"""Signatures only: with a public key taken as an HMAC secret, anybody could sign."""
_SKEW_SECONDS = 60
_TIMEOUT_SECONDS = 10
_LARGEST = 1 << 20
_KEYS_FRESH: Nanos = 300_000_000_000
"""How long the provider's keys are taken from memory: one that it withdrew must not count for long."""
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LONGEST_TOKEN = 64 << 10


class SignInError(SakimoriError):
    """Somebody could not be signed in."""

    exit_code = ExitCode.DENIED


class ProviderError(SakimoriError):
    """The identity provider did not answer usefully."""

    exit_code = ExitCode.PROVIDER


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in gave. Secret: neither shown nor logged."""

    id_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in in a browser that has begun. Secret: whoever has it can complete it."""

    url: str
    """Where to send the browser."""
    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A sign-in at a terminal that has begun."""

    url: str
    """Where the person goes, on any machine."""
    user_code: str
    """What they enter there."""
    complete_url: str | None
    """Both in one, where the provider offers it."""
    device_code: str = field(repr=False)
    interval: float
    """Seconds between questions whether they have."""
    expires_in: float
    """Seconds until it is too late."""


@dataclass(frozen=True, slots=True)
class Identified:
    """Whom an ID token names, by the institution's rules."""

    identity: str
    roles: frozenset[Role] | None
    """Roles that their groups confirm; None: the institution does not ask its provider for roles."""


class Provider:
    """An institution's identity provider. Its published keys are kept, and read again when one is missing."""

    def __init__(self, sign_in: SignIn, clock: Clock) -> None:
        self._sign_in = sign_in
        self._clock = clock
        self._metadata: dict[str, Any] | None = None
        self._keys: KeySet | None = None
        self._keys_read_at: Nanos = 0

    def begin(self, redirect_uri: str) -> Pending:
        """Begin a sign-in in a browser, which comes back to ``redirect_uri``. Raises ProviderError."""
        verifier, nonce = token_urlsafe(48), token_urlsafe(24)
        with self._session(redirect_uri) as session:
            url, state = session.create_authorization_url(
                self._endpoint("authorization_endpoint"), token_urlsafe(24), code_verifier=verifier, nonce=nonce
            )
        return Pending(url, redirect_uri, state, nonce, verifier)

    def finish(self, pending: Pending, returned: str) -> Tokens:
        """Complete it with the whole URL at which the browser came back; the ID token is verified.

        Raises:
            SignInError: it was refused there, is not the answer to this sign-in, or its token is not good.
            ProviderError: the provider did not answer.
        """
        answer = {name: values[0] for name, values in parse_qs(urlsplit(returned).query).items()}
        if answer.get("state") != pending.state:
            raise SignInError("the browser came back from another sign-in: begin again")
        # RFC 9207: an answer of another provider, sent here to be redeemed at this one.
        if answer.get("iss", self._sign_in.issuer) != self._sign_in.issuer:
            raise SignInError(f"another provider than {self._sign_in.issuer} answered: begin again")
        if "error" in answer or "code" not in answer:
            raise SignInError(f"{self._sign_in.issuer} refused the sign-in ({_word(answer.get('error'))})")
        with self._session(pending.redirect_uri) as session:
            tokens = self._tokens(
                lambda: session.fetch_token(
                    self._endpoint("token_endpoint"),
                    authorization_response=returned,
                    state=pending.state,
                    code_verifier=pending.verifier,
                    allow_redirects=False,
                )
            )
        self.verify(tokens.id_token, nonce=pending.nonce)
        return tokens

    def begin_device(self) -> Device:
        """Begin a sign-in at a terminal. Raises ProviderError."""
        asked = {"client_id": self._sign_in.client_id, "scope": _SCOPE}
        answer = _json("POST", self._endpoint("device_authorization_endpoint"), data=asked)
        try:
            return Device(
                url=_text(answer, "verification_uri"),
                user_code=_text(answer, "user_code"),
                complete_url=answer.get("verification_uri_complete"),
                device_code=_text(answer, "device_code"),
                interval=min(60.0, max(1.0, float(answer.get("interval", 5)))),
                expires_in=min(3600.0, float(answer.get("expires_in", 600))),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderError(f"{self._sign_in.issuer} answered a device sign-in without {error}") from error

    def finish_device(self, device: Device, *, sleep: Callable[[float], None] = time.sleep) -> Tokens:
        """Wait until the person has confirmed; the ID token is verified.

        Raises:
            SignInError: they refused, took too long, or the token is not good.
            ProviderError: the provider did not answer.
        """
        waited, interval = 0.0, device.interval
        while waited < device.expires_in:
            sleep(interval)
            waited += interval
            with self._session() as session:
                try:
                    tokens = self._tokens(
                        lambda: session.fetch_token(
                            self._endpoint("token_endpoint"),
                            grant_type=_DEVICE_GRANT,
                            device_code=device.device_code,
                            allow_redirects=False,
                        )
                    )
                except _Waiting as waiting:
                    interval += 5.0 * waiting.slow_down
                    continue
            self.verify(tokens.id_token)
            return tokens
        raise SignInError("nobody confirmed the sign-in in time: begin again")

    def refresh(self, tokens: Tokens) -> Tokens:
        """New tokens for a session that goes on. Raises SignInError or ProviderError."""
        if tokens.refresh_token is None:
            raise SignInError("the session has ended: run `sakimori login`")
        refresh_token = tokens.refresh_token
        with self._session(scope=None) as session:  # what was granted, which may be less than was asked for
            made = self._tokens(
                lambda: session.refresh_token(
                    self._endpoint("token_endpoint"), refresh_token=refresh_token, allow_redirects=False
                )
            )
        self.verify(made.id_token)
        return Tokens(made.id_token, made.refresh_token or refresh_token)

    def verify(self, id_token: str, *, nonce: str | None = None) -> Mapping[str, Any]:
        """The claims of an ID token that is good at this moment (OpenID Connect Core, section 3.1.3.7).

        Raises:
            SignInError: it is not; the sentence repeats nothing of it.
            ProviderError: the provider's keys cannot be read.
        """
        if len(id_token) > _LONGEST_TOKEN:
            raise SignInError("the ID token is longer than any should be")
        claims = self._signed(id_token)
        now = self._clock.now() / 1e9
        audiences = claims.get("aud")
        audiences = [audiences] if isinstance(audiences, str) else audiences
        if claims.get("iss") != self._sign_in.issuer:
            raise _no_good("another issuer made it")
        if not isinstance(audiences, list) or self._sign_in.audience not in audiences:
            raise _no_good("it was made for another application")
        if claims.get("azp", self._sign_in.client_id) != self._sign_in.client_id or (
            len(cast("list[object]", audiences)) > 1 and "azp" not in claims
        ):
            raise _no_good("it was given to another application")
        expires, issued, begins = (
            claims.get(name, default) for name, default in (("exp", None), ("iat", None), ("nbf", 0))
        )
        if not (_is_time(expires) and _is_time(issued) and _is_time(begins)):
            raise _no_good("it does not say when it is valid")
        if now >= expires + _SKEW_SECONDS:
            raise Expired("the session has ended: run `sakimori login`")
        if max(issued, begins) > now + _SKEW_SECONDS:
            raise _no_good("it is from the future: set the clocks of this machine and of the provider")
        if nonce is not None and claims.get("nonce") != nonce:
            raise _no_good("it answers another sign-in")
        if not isinstance(claims.get("sub"), str):
            raise _no_good("it names nobody")
        return claims

    def _signed(self, id_token: str) -> dict[str, Any]:
        """Claims that one of the provider's keys signed; its keys are read anew where none of those known did."""
        known = self._keys is not None and 0 <= self._clock.now() - self._keys_read_at < _KEYS_FRESH
        if not known:
            self._keys = None
        try:
            return dict(jwt.decode(id_token, self._published(), algorithms=_ALGORITHMS).claims)
        except (JoseError, ValueError) as error:
            if not known:
                raise _no_good("none of the provider's keys signed it") from error
        self._keys = None
        return self._signed(id_token)

    def _published(self) -> KeySet:
        if self._keys is None:
            published = _json("GET", self._endpoint("jwks_uri"))
            try:
                self._keys = KeySet.import_key_set(cast("Any", published))
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderError(f"{self._sign_in.issuer} publishes keys that cannot be read") from error
            self._keys_read_at = self._clock.now()
        return self._keys

    def _endpoint(self, name: str) -> str:
        issuer = self._sign_in.issuer
        if self._metadata is None:
            found = _json("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise ProviderError(f"what answers at {issuer} says it is another issuer: check the grants file")
            self._metadata = found
        url = self._metadata.get(name)
        if not isinstance(url, str):
            raise ProviderError(f"{issuer} does not offer this way to sign in (it has no {name})")
        if urlsplit(issuer).scheme == "https" and urlsplit(url).scheme != "https":
            raise ProviderError(f"{issuer} names a {name} that is not https")
        return url

    def _session(self, redirect_uri: str | None = None, *, scope: str | None = _SCOPE) -> OAuth2Session:
        return OAuth2Session(
            self._sign_in.client_id,
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=_TIMEOUT_SECONDS,
        )

    def _tokens(self, fetch: Callable[[], dict[str, Any]]) -> Tokens:
        issuer = self._sign_in.issuer
        try:
            answer = fetch()
        except AuthlibBaseError as error:
            if error.error in ("authorization_pending", "slow_down"):
                raise _Waiting(error.error == "slow_down") from None
            raise SignInError(f"{issuer} refused the sign-in ({_word(error.error)})") from None
        except (requests.RequestException, ValueError) as error:
            raise ProviderError(f"{issuer} cannot be asked: {type(error).__name__}; try again") from None
        id_token, refresh_token = answer.get("id_token"), answer.get("refresh_token")
        if not isinstance(id_token, str):
            raise ProviderError(f"{issuer} gave no ID token")
        return Tokens(id_token, refresh_token if isinstance(refresh_token, str) else None)


class Expired(SignInError):
    """The ID token was good, and is too old."""


class _Waiting(Exception):
    """The person has not confirmed yet."""

    def __init__(self, slow_down: bool) -> None:
        super().__init__()
        self.slow_down = slow_down


def identify(sign_in: SignIn, claims: Mapping[str, Any]) -> Identified:
    """Whom verified claims name, by the institution's rules.

    Raises:
        SignInError: a claim that the institution requires is missing or different.
    """
    for name, value in sign_in.require.items():
        if value not in _strings(claims.get(name)):
            raise SignInError(
                f"the identity provider does not say that {name} is '{value}', which the institution requires"
            )
    identity = claims.get(sign_in.identity)
    if not isinstance(identity, str) or not identity:
        raise SignInError(f"the identity provider does not say who this is (it gave no {sign_in.identity})")
    # Anybody may write any address into their own profile.
    if sign_in.identity == "email" and claims.get("email_verified") is not True:
        raise SignInError("the identity provider has not verified this person's e-mail address")
    if sign_in.role_claim is None:
        return Identified(identity, None)
    groups = _strings(claims.get(sign_in.role_claim))
    return Identified(identity, frozenset(sign_in.roles[group] for group in groups if group in sign_in.roles))


def _strings(value: object) -> list[str]:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str)]


def _json(method: str, url: str, *, data: Mapping[str, str] | None = None) -> dict[str, Any]:
    try:
        with requests.request(
            method, url, data=data, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as response:
            body = response.raw.read(_LARGEST + 1, decode_content=True)
            status = response.status_code
    except (requests.RequestException, OSError) as error:
        raise ProviderError(
            f"{url} cannot be asked: {type(error).__name__}; check the network and the issuer"
        ) from None
    if status != requests.codes.ok or len(body) > _LARGEST:
        raise ProviderError(
            f"{url} answered with status {status}" if len(body) <= _LARGEST else f"{url} answers too much"
        )
    try:
        found: object = orjson.loads(body)
    except ValueError as error:
        raise ProviderError(f"{url} does not answer in JSON") from error
    if not isinstance(found, dict):
        raise ProviderError(f"{url} does not answer with a JSON object")
    return cast("dict[str, Any]", found)


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _no_good(reason: str) -> SignInError:
    return SignInError(f"the identity provider's token is not good: {reason}")


def _word(error: object) -> str:
    """An error code as RFC 6749 has them; descriptions are the provider's text and may hold anything."""
    text = error if isinstance(error, str) else ""
    return text if text.isascii() and text.replace("_", "").isalpha() and len(text) <= 60 else "no reason given"
