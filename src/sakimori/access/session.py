"""Who signed in at this machine: one session per institution, kept in files of their own (0600)."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson

from sakimori.access.directory import Directory
from sakimori.access.oidc import Expired, Provider, SignInError, Tokens, identify
from sakimori.access.principal import Principal
from sakimori.access.sign_in import SignIn
from sakimori.core import Clock, SakimoriError


class Sessions:
    """The sessions under one home."""

    def __init__(self, home: Path, directory: Directory, clock: Clock) -> None:
        self._folder = home / "sessions"
        self._directory = directory
        self._clock = clock

    def keep(self, tenant: str, sign_in: SignIn, tokens: Tokens) -> None:
        """Keep what a sign-in gave; it replaces what was kept before."""
        path = self._path(tenant)
        draft = path.with_name(f".{token_hex(8)}.new")
        body = {"issuer": sign_in.issuer, "id_token": tokens.id_token, "refresh_token": tokens.refresh_token}
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(orjson.dumps(body))
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise SakimoriError(f"the session {path} cannot be kept: {error.strerror}") from error

    def end(self, tenant: str) -> bool:
        """Forget who signed in; whether anybody had."""
        try:
            self._path(tenant).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise SakimoriError(f"the session {self._path(tenant)} cannot be removed: {error.strerror}") from error
        return True

    def principal(self, tenant: str, sign_in: SignIn) -> Principal:
        """Who signed in for the institution and has a place in the programme at this moment.

        Raises:
            SignInError: nobody did, the session has ended, or the person has no place any more.
            ProviderError: the identity provider does not answer.
        """
        tokens = self._kept(tenant, sign_in)
        provider = Provider(sign_in, self._clock)
        try:
            claims = provider.verify(tokens.id_token)
        except Expired:
            tokens = provider.refresh(tokens)
            claims = provider.verify(tokens.id_token)
            self.keep(tenant, sign_in, tokens)
        return admit(self._directory, tenant, sign_in, claims)

    def _kept(self, tenant: str, sign_in: SignIn) -> Tokens:
        path = self._path(tenant)
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise SignInError(f"others may read the session {path}: run `sakimori login` again")
                body = orjson.loads(file.read())
            tokens = Tokens(body["id_token"], body["refresh_token"])
            same = body["issuer"] == sign_in.issuer
        except FileNotFoundError as error:
            raise SignInError(f"nobody is signed in for '{tenant}': run `sakimori login`") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SignInError(f"the session {path} cannot be read: run `sakimori login` again") from error
        if not same:
            raise SignInError(f"'{tenant}' signs in elsewhere now: run `sakimori login` again")
        return tokens

    def _path(self, tenant: str) -> Path:
        return self._folder / f"{hashlib.sha256(tenant.encode()).hexdigest()[:32]}.json"


def admit(directory: Directory, tenant: str, sign_in: SignIn, claims: Mapping[str, Any]) -> Principal:
    """Whose place in the programme verified claims prove, in the roles that both sides confirm.

    Raises:
        SignInError: nobody's.
    """
    known = identify(sign_in, claims)
    person = directory.person(tenant, known.identity)
    if person is None:
        raise SignInError(f"this person has no place in '{tenant}': ask its admin to add them to the programme")
    principal = person.principal(known.roles)
    if not principal.roles:
        raise SignInError(f"'{person.name}' has no role in '{tenant}' that their groups at the provider confirm")
    return principal
