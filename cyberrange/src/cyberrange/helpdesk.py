"""The helpdesk: tickets, and password resets on whose caller it has only somebody's word."""

from cyberrange.bank import Account
from cyberrange.clock import SECOND, jst
from cyberrange.directory import Credential
from cyberrange.estate import Estate
from cyberrange.telemetry import Fields


class Helpdesk:
    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._tickets = 0

    def open(
        self,
        at: int,
        kind: str,
        person: Account,
        summary: str,
        contact: str,
        *,
        operator: Account,
        extra: Fields | None = None,
    ) -> str:
        """Write a ticket and return its number."""
        self._tickets += 1
        number = f"HD-{jst(at):%Y%m%d}-{self._tickets:04d}"
        ticket: Fields = {
            "ticket": number,
            "type": kind,
            "contact": contact,
            "requester": person.display_name,
            "account": person.name,
            "operator": operator.name,
            "status": "closed",
            "summary": summary,
            **(extra or {}),
        }
        self._estate.telemetry.ticket(at, ticket)
        return number

    def reset_password(self, at: int, person: Account, contact: str, check: str, operator: Account) -> Credential:
        """Ticket, then the reset in the directory. ``check``: how the operator made sure of the caller's identity."""
        extra: Fields = {"identity_check": check, "host": person.hosts[0]}
        self.open(at, "password_reset", person, "パスワードを忘れた", contact, operator=operator, extra=extra)
        return self._estate.reset_password(at + 40 * SECOND, operator, person)
