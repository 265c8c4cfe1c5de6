"""Signing in at a real identity provider, and everything that is not a sign-in."""

import base64
import hmac
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from joserfc import jwt
from tests.identity_provider import CALLBACK, Browser, IdentityProvider

from sakimori.access import Directory, Role, people
from sakimori.access.oidc import Provider, ProviderError, SignInError, Tokens, identify
from sakimori.access.people import Person
from sakimori.access.secrets import Secrets
from sakimori.access.session import Sessions
from sakimori.access.sign_in import SignIn
from sakimori.core import ManualClock, SystemClock
from sakimori.store import Database

SECOND = 1_000_000_000
BANK = "あおぞら銀行"


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    try:
        made = IdentityProvider(tmp_path_factory.mktemp("idp"))
    except FileNotFoundError as error:
        pytest.fail(str(error))
    yield made
    made.stop()


def sign_in(issuer: str, **changes: Any) -> SignIn:
    made = SignIn(
        issuer=issuer,
        client_id="sakimori",
        audience="sakimori",
        identity="email",
        require={"bank": "aozora"},
        role_claim="groups",
        roles={"SOC-L1": Role.ANALYST, "SOC-Lead": Role.LEAD},
    )
    return replace(made, **changes)


def signed_in(idp: IdentityProvider, login: str = "sato", clock: ManualClock | None = None) -> tuple[Provider, Tokens]:
    provider = Provider(sign_in(idp.issuer), clock or SystemClock())
    pending = provider.begin(CALLBACK)
    return provider, provider.finish(pending, Browser(login).sign_in(pending.url))


def by_secret(payload: str, public_key: bytes) -> str:
    """The published key taken as an HMAC secret: whoever lets a token choose its algorithm believes this."""
    signed = b64(b'{"alg":"HS256","kid":"first"}') + "." + payload
    return f"{signed}.{b64(hmac.digest(public_key, signed.encode(), 'sha256'))}"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.services
class TestAtAProvider:
    def test_a_browser_signs_in_with_the_authorisation_code_and_pkce(self, idp: IdentityProvider) -> None:
        provider, tokens = signed_in(idp)
        asked = parse_qs(urlsplit(provider.begin(CALLBACK).url).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert {"state", "nonce", "code_challenge"} <= asked.keys()
        claims = provider.verify(tokens.id_token)
        assert (claims["iss"], claims["aud"], claims["sub"]) == (idp.issuer, "sakimori", "sato")
        assert identify(sign_in(idp.issuer), claims).identity == "sato@aozora.example"
        assert identify(sign_in(idp.issuer), claims).roles == {Role.LEAD}
        assert tokens.id_token not in repr(tokens)

    def test_a_terminal_signs_in_with_a_code_that_is_entered_elsewhere(self, idp: IdentityProvider) -> None:
        provider = Provider(sign_in(idp.issuer), SystemClock())
        device = provider.begin_device()
        assert device.complete_url
        waits: list[float] = []

        def wait(seconds: float) -> None:
            """The first question comes before the person has confirmed."""
            waits.append(seconds)
            if len(waits) == 2:
                Browser("sato").confirm(device.complete_url or "")

        tokens = provider.finish_device(device, sleep=wait)
        assert provider.verify(tokens.id_token)["sub"] == "sato"
        assert len(waits) >= 2

    def test_a_session_is_refreshed(self, idp: IdentityProvider) -> None:
        provider, tokens = signed_in(idp)
        assert provider.verify(provider.refresh(tokens).id_token)["sub"] == "sato"
        with pytest.raises(SignInError, match="run `sakimori login`"):
            provider.refresh(replace(tokens, refresh_token=None))
        with pytest.raises(SignInError, match="refused the sign-in \\(invalid_grant\\)"):
            provider.refresh(replace(tokens, refresh_token="guessed"))

    def test_an_answer_to_another_sign_in_is_refused(self, idp: IdentityProvider) -> None:
        provider = Provider(sign_in(idp.issuer), SystemClock())
        first, second = provider.begin(CALLBACK), provider.begin(CALLBACK)
        returned = Browser("sato").sign_in(first.url)
        with pytest.raises(SignInError, match="came back from another sign-in"):
            provider.finish(second, returned)
        with pytest.raises(SignInError, match="refused the sign-in \\(invalid_grant\\)"):
            provider.finish(replace(first, verifier=second.verifier), returned)

    def test_a_token_of_another_sign_in_is_refused_by_its_nonce(self, idp: IdentityProvider) -> None:
        provider = Provider(sign_in(idp.issuer), SystemClock())
        pending = provider.begin(CALLBACK)
        with pytest.raises(SignInError, match="it answers another sign-in"):
            provider.finish(replace(pending, nonce="other"), Browser("sato").sign_in(pending.url))

    def test_an_answer_that_another_provider_sent_is_refused(self, idp: IdentityProvider) -> None:
        provider = Provider(sign_in(idp.issuer), SystemClock())
        pending = provider.begin(CALLBACK)
        with pytest.raises(SignInError, match="another provider than"):
            provider.finish(pending, f"{CALLBACK}?code=x&state={pending.state}&iss=https://evil.example")
        with pytest.raises(SignInError, match="refused the sign-in \\(access_denied\\)"):
            provider.finish(pending, f"{CALLBACK}?error=access_denied&state={pending.state}")

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"audience": "another"}, "it was made for another application"),
            ({"client_id": "another"}, "it was given to another application"),
        ],
    )
    def test_a_token_for_another_application_is_refused(
        self, idp: IdentityProvider, changes: dict[str, str], says: str
    ) -> None:
        _, tokens = signed_in(idp)
        claims = jwt.decode(tokens.id_token, idp.key("first")).claims
        forged = jwt.encode({"alg": "RS256", "kid": "first"}, {**claims, "azp": "sakimori"}, idp.key("first"))
        with pytest.raises(SignInError, match=says):
            Provider(sign_in(idp.issuer, **changes), SystemClock()).verify(forged)

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"iss": "https://evil.example"}, "another issuer made it"),
            ({"aud": ["other"]}, "made for another application"),
            ({"aud": ["sakimori", "other"]}, "given to another application"),
            ({"aud": ["sakimori", "other"], "azp": "other"}, "given to another application"),
            ({"aud": None}, "made for another application"),
            ({"exp": None}, "does not say when it is valid"),
            ({"exp": True}, "does not say when it is valid"),
            ({"iat": 99_999_999_999}, "it is from the future"),
            ({"nbf": 99_999_999_999}, "it is from the future"),
            ({"exp": 1}, "the session has ended"),
            ({"sub": 7}, "it names nobody"),
        ],
    )
    def test_claims_that_do_not_hold_are_refused_though_they_are_signed(
        self, idp: IdentityProvider, changes: dict[str, Any], says: str
    ) -> None:
        provider, tokens = signed_in(idp)
        claims = {**jwt.decode(tokens.id_token, idp.key("first")).claims, **changes}
        with pytest.raises(SignInError, match=says):
            provider.verify(jwt.encode({"alg": "RS256", "kid": "first"}, claims, idp.key("first")))

    def test_a_signature_by_anybody_else_is_refused(self, idp: IdentityProvider) -> None:
        provider, tokens = signed_in(idp)
        claims = jwt.decode(tokens.id_token, idp.key("first")).claims
        public = idp.key("first").as_pem(private=False)
        header, payload, signature = tokens.id_token.split(".")
        none = "eyJhbGciOiJub25lIn0." + payload + "."
        forged = [
            jwt.encode({"alg": "RS256", "kid": "first"}, claims, idp.key("mallory")),
            by_secret(payload, public),
            none,
            f"{header}.{payload}.",
            f"{header}.{payload[:-2]}AA.{signature}",
            "",
            "a.b.c",
            "あ.い.う",
            "x" * 100_000,
        ]
        for token in forged:
            with pytest.raises(SignInError) as caught:
                provider.verify(token)
            assert not token or token not in str(caught.value)

    def test_clocks_may_differ_by_a_minute(self, idp: IdentityProvider) -> None:
        clock = ManualClock(SystemClock().now())
        provider, tokens = signed_in(idp, clock=clock)
        claims = provider.verify(tokens.id_token)
        for skew in (-59, claims["exp"] - claims["iat"] + 55):
            clock.set(claims["iat"] * SECOND + skew * SECOND)
            provider.verify(tokens.id_token)
        for skew in (-65, claims["exp"] - claims["iat"] + 65):
            clock.set(claims["iat"] * SECOND + skew * SECOND)
            with pytest.raises(SignInError):
                provider.verify(tokens.id_token)

    def test_the_provider_may_rotate_its_keys(self, tmp_path: Path) -> None:
        idp = IdentityProvider(tmp_path)
        clock = ManualClock(SystemClock().now())
        provider, old = signed_in(idp, clock=clock)
        idp.start("second", "first")
        new = signed_in(idp)[1]
        assert provider.verify(new.id_token)["sub"] == "sato"
        assert provider.verify(old.id_token)["sub"] == "sato"
        idp.start("second")
        clock.set(clock.now() + 301 * SECOND)
        with pytest.raises(SignInError, match="none of the provider's keys signed it"):
            provider.verify(old.id_token)
        idp.stop()
        with pytest.raises(ProviderError, match=r"cannot be asked: \w+; check the network and the issuer"):
            Provider(sign_in(idp.issuer), clock).verify(new.id_token)

    def test_another_issuer_at_the_address_is_refused(self, idp: IdentityProvider) -> None:
        with pytest.raises(ProviderError, match="says it is another issuer"):
            Provider(sign_in(idp.issuer + "/"), SystemClock()).begin(CALLBACK)

    def test_a_person_who_is_removed_loses_access_while_the_session_lives(
        self, idp: IdentityProvider, tmp_path: Path
    ) -> None:
        database = Database.embedded(tmp_path)
        clock = ManualClock(SystemClock().now())
        directory = Directory(database, Secrets.embedded(tmp_path), clock)
        sessions = Sessions(tmp_path, directory, clock)
        provider = sign_in(idp.issuer)
        _, tokens = signed_in(idp)
        with pytest.raises(SignInError, match="nobody is signed in for 'あおぞら銀行'"):
            sessions.principal(BANK, provider)
        sessions.keep(BANK, provider, tokens)
        (file,) = (tmp_path / "sessions").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        with pytest.raises(SignInError, match="has no place in 'あおぞら銀行'"):
            sessions.principal(BANK, provider)
        sato = Person(BANK, "佐藤", "sato@aozora.example", frozenset({Role.LEAD, Role.ANALYST}), (), 1)
        with database.transaction(BANK) as transaction:
            people.put(transaction, sato)
        clock.set(clock.now() + SECOND)
        principal = sessions.principal(BANK, provider)
        assert (principal.id, principal.roles) == ("佐藤", {Role.LEAD})
        with pytest.raises(SignInError, match="nobody is signed in"):
            sessions.principal("other", provider)
        clock.set(clock.now() + 3600 * SECOND)
        assert sessions.principal(BANK, provider).id == "佐藤"
        with database.transaction(BANK) as transaction:
            people.remove(transaction, "佐藤", now=clock.now())
        clock.set(clock.now() + SECOND)
        with pytest.raises(SignInError, match="has no place"):
            sessions.principal(BANK, provider)
        file.chmod(0o640)
        with pytest.raises(SignInError, match="others may read the session"):
            sessions.principal(BANK, provider)
        assert sessions.end(BANK)
        assert not sessions.end(BANK)
        database.close()


CLAIMS: dict[str, Any] = {
    "sub": "s-1",
    "email": "sato@aozora.example",
    "email_verified": True,
    "groups": ["SOC-Lead", "unknown"],
    "bank": "aozora",
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bank": "midori"}, "does not say that bank is 'aozora'"),
        ({"bank": None}, "does not say that bank is 'aozora'"),
        ({"bank": {"aozora": True}}, "does not say that bank is 'aozora'"),
        ({"email": ""}, "does not say who this is"),
        ({"email": ["sato@aozora.example"]}, "does not say who this is"),
        ({"email_verified": False}, "has not verified this person's e-mail address"),
        ({"email_verified": "true"}, "has not verified this person's e-mail address"),
    ],
)
def test_what_the_institution_requires_must_be_said(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SignInError, match=says):
        identify(sign_in("https://login.example"), {**CLAIMS, **changes})


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["SOC-Lead", "SOC-L1"], {Role.LEAD, Role.ANALYST}),
        ("SOC-Lead", {Role.LEAD}),
        (["soc-lead", "lead", "institution_admin"], set[Role]()),
        ([["SOC-Lead"]], set[Role]()),
        (None, set[Role]()),
    ],
)
def test_only_groups_that_the_institution_maps_are_roles(groups: object, roles: set[Role]) -> None:
    assert identify(sign_in("https://login.example"), {**CLAIMS, "groups": groups}).roles == roles
    without = sign_in("https://login.example", role_claim=None, roles={})
    assert identify(without, {**CLAIMS, "groups": groups}).roles is None


def test_a_session_that_is_damaged_or_of_another_provider_ends(tmp_path: Path) -> None:
    clock = SystemClock()
    database = Database.embedded(tmp_path)
    sessions = Sessions(tmp_path, Directory(database, Secrets.embedded(tmp_path), clock), clock)
    provider = sign_in("https://login.example")
    sessions.keep(BANK, provider, Tokens("secret-id-token", "secret-refresh"))
    with pytest.raises(SignInError, match="signs in elsewhere now"):
        sessions.principal(BANK, sign_in("https://other.example"))
    (file,) = (tmp_path / "sessions").iterdir()
    for content in (b"", b"[]", b"{}", orjson.dumps({"issuer": 1})):
        file.write_bytes(content)
        with pytest.raises(SignInError, match="cannot be read"):
            sessions.principal(BANK, provider)
    database.close()
