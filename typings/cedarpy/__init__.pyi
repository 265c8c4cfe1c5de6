"""What Sakimori uses of cedarpy 4.12; its own hints leave dict parameters open."""

from enum import Enum
from typing import Any

class PolicySet:
    @staticmethod
    def from_json_str(s: str) -> PolicySet: ...

class Schema:
    @staticmethod
    def from_str(s: str) -> Schema: ...

class Entities:
    @staticmethod
    def from_json_str(s: str, schema: Schema | None = None) -> Entities: ...

class Decision(Enum):
    Allow = "Allow"
    Deny = "Deny"
    NoDecision = "NoDecision"

class Diagnostics:
    @property
    def errors(self) -> list[str]: ...
    @property
    def reasons(self) -> list[str]: ...

class AuthzResult:
    @property
    def decision(self) -> Decision: ...
    @property
    def allowed(self) -> bool: ...
    @property
    def diagnostics(self) -> Diagnostics: ...

class ValidationError:
    @property
    def policy_id(self) -> str: ...
    @property
    def error(self) -> str: ...

class ValidationResult:
    @property
    def validation_passed(self) -> bool: ...
    @property
    def errors(self) -> list[ValidationError]: ...

def is_authorized(
    request: dict[str, Any],
    policies: str | PolicySet,
    entities: str | Entities,
    schema: str | Schema | None = None,
) -> AuthzResult: ...
def validate_policies(policies: str, schema: str | Schema) -> ValidationResult: ...
def policies_to_json_str(policies: str) -> str: ...
