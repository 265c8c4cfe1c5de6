"""Who runs a command, and whether they may."""

import getpass

from sakimori.access import Directory, Principal
from sakimori.access.rights import Resource, Right, Rights
from sakimori.access.session import Sessions
from sakimori.service import Installation


def acting(install: Installation) -> Principal:
    """Who signed in for the institution; where nobody signs in, the account that runs the install.

    Raises:
        SignInError: people of the institution sign in, and nobody did, or no longer may.
        ProviderError: its identity provider does not answer.
    """
    directory = Directory(install.database, install.secrets, install.clock)
    sign_in = directory.sign_in(install.tenant)
    if sign_in is None:
        return Principal(tenant=install.tenant, id=getpass.getuser(), kind="owner", scopes=frozenset())
    return Sessions(install.settings.home, directory, install.clock).principal(install.tenant, sign_in)


def allowed(install: Installation, right: Right, id: str | None = None) -> Principal:
    """Who runs the command, where they may do this in the institution.

    Raises:
        Denied: they may not.
        SignInError, ProviderError: like ``acting``.
    """
    principal = acting(install)
    Rights().require(principal, right, Resource.about(right, install.tenant, id))
    return principal
