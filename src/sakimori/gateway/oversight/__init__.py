"""A provider's own oversight in; ledger entries and findings out, each thing once.

OpenAI lists its organisation's audit log to whoever has an admin key (``GET /organization/audit_logs``). Safety alerts
and cases it lists to nobody: a signed webhook announces each by its id, and the project's key fetches it
(``GET /safety/alerts/{id}``, ``/safety/cases/{id}``). So ``Oversight`` reads the one and fetches what was announced of
the others, and ``Webhook`` takes the announcements in. Findings go to whoever ``Oversight`` was given for them, in the
transaction that keeps the ledger entry.
"""

from sakimori.gateway.oversight.api import Api, OversightError, Scope
from sakimori.gateway.oversight.watch import LATE, Oversight
from sakimori.gateway.oversight.webhook import MAX_BODY, Webhook, WebhookRefused

__all__ = ["LATE", "MAX_BODY", "Api", "Oversight", "OversightError", "Scope", "Webhook", "WebhookRefused"]
