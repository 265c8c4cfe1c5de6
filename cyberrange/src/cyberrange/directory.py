"""The directory: which accounts may log on with which password. A password is only a version number here."""

from dataclasses import dataclass
from enum import StrEnum

from cyberrange.bank import Bank


class Answer(StrEnum):
    """What a domain controller says to a logon."""

    OK = "ok"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of an answer
    DISABLED = "disabled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Credential:
    """Proof of an account: worth something while that version of its password is current."""

    account: str
    password: int


class Directory:
    def __init__(self, bank: Bank) -> None:
        self._passwords = dict.fromkeys(bank.accounts, 1)
        self._disabled: set[str] = set()

    def check(self, credential: Credential) -> Answer:
        current = self._passwords.get(credential.account)
        if current is None:
            return Answer.UNKNOWN
        if credential.account in self._disabled:
            return Answer.DISABLED
        return Answer.OK if credential.password == current else Answer.WRONG_PASSWORD

    def reset(self, account: str) -> Credential:
        """A new password; every earlier credential of the account is worthless from now on."""
        self._passwords[account] += 1
        return self.current(account)

    def current(self, account: str) -> Credential:
        """What the account's rightful owner knows."""
        return Credential(account, self._passwords[account])

    def disable(self, account: str) -> None:
        self._disabled.add(account)

    def enable(self, account: str) -> None:
        self._disabled.discard(account)

    def enabled(self, account: str) -> bool:
        return account not in self._disabled
