"""Who runs a command, and whether they may."""

import getpass
import os

from sakimori.access import Directory, Principal
from sakimori.access.rights import Resource, Right, Rights
from sakimori.core import Settings, SystemClock
from sakimori.service import Installation, installation

KEY_VARIABLE = "SAKIMORI_SERVICE_KEY"
"""A service key here acts in place of a person: services start with nobody at the terminal."""


def acting(install: Installation) -> Principal:
    """Who signed in for the institution, or whose service key is set; where nobody signs in, the machine's account.

    Raises:
        SignInError: people of the institution sign in, and nobody did, or no longer may; or the key opens nothing.
        ProviderError: its identity provider does not answer.
        StoreError: the database cannot be asked.
    """
    directory = Directory(install.database, install.secrets, install.clock)
    if shown := os.environ.get(KEY_VARIABLE):
        program = directory.authenticate(shown.strip())
        if program is None:
            from sakimori.access.oidc import SignInError

            raise SignInError(
                f"the key in {KEY_VARIABLE} is mistyped, revoked or expired: `sakimori keys issue` makes another"
            )
        return program
    sign_in = directory.sign_in(install.tenant)
    if sign_in is None:
        return Principal(tenant=install.tenant, id=getpass.getuser(), kind="owner", scopes=frozenset())
    # Here, as above, since it loads an HTTP client, which takes a tenth of a second that other starts need not wait.
    from sakimori.access.session import Sessions

    return Sessions(install.settings.home, directory, install.clock).principal(install.tenant, sign_in)


def allowed(install: Installation, right: Right, id: str | None = None) -> Principal:
    """Who runs the command, where they may do this in the institution.

    Raises:
        Denied: they may not.
        SignInError, ProviderError, StoreError: like ``acting``.
    """
    principal = acting(install)
    Rights().require(principal, right, Resource.about(right, install.tenant, id))
    return principal


def asked(right: Right) -> Principal:
    """``allowed`` for a command that is about to run, in the install that it will open. Raises like that."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        return allowed(install, right)
