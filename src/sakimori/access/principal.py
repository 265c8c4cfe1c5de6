"""Who is acting."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """What a person is to an institution. What each role may do stands in ``content/policies/access``."""

    ANALYST = "analyst"
    """Works on incidents."""
    LEAD = "lead"
    """Leads the work on incidents: consents to actions, and sees what tokens stand for."""
    ENGINEER = "engineer"
    """Keeps the install running."""
    AUDITOR = "auditor"
    """Looks at everything that was done, and changes nothing."""
    INSTITUTION_ADMIN = "institution_admin"
    """Says who belongs to the institution, and issues its keys."""
    AUTHORITY_OPERATOR = "authority_operator"
    """Runs the national programme: institutions and their grants, never their content."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone or something that proved who it is. What it may do, policy decides."""

    tenant: str
    id: str
    kind: Literal["key", "person", "service", "owner"]
    """``owner``: the account of the machine under which an install runs that has no sign-in."""
    scopes: frozenset[str]
    """What it was given the right to ask for, such as ``gateway``."""
    roles: frozenset[Role] = frozenset()
    signs: bool = False
    """Whether a signature key of this person is registered, so that their consent can be proved."""
    active: bool = True
    """False for one that is known and was removed, revoked or has expired: only questions are asked about those."""

    @property
    def actor(self) -> str:
        """As the ledger names it: ``key:k3n…``."""
        return f"{self.kind}:{self.id}"
