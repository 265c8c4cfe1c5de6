"""The part of pySigma's rule classes that Sakimori uses (the package is typed, but not marked so as a namespace)."""

from enum import Enum
from typing import Any, Self
from uuid import UUID

from sigma.policy import SigmaPolicy
from sigma.rule.detection import SigmaDetection as SigmaDetection
from sigma.rule.detection import SigmaDetections as SigmaDetections

class EnumLowercaseStringMixin: ...

class SigmaStatus(EnumLowercaseStringMixin, Enum):
    UNSUPPORTED = ...
    DEPRECATED = ...
    EXPERIMENTAL = ...
    TEST = ...
    STABLE = ...

class SigmaLevel(EnumLowercaseStringMixin, Enum):
    INFORMATIONAL = ...
    LOW = ...
    MEDIUM = ...
    HIGH = ...
    CRITICAL = ...

class SigmaRuleTag:
    namespace: str
    name: str

class SigmaLogSource:
    category: str | None
    product: str | None
    service: str | None

class SigmaRuleBase:
    id: UUID | None
    name: str | None
    title: str
    tags: list[SigmaRuleTag]
    custom_attributes: dict[str, Any]
    level: SigmaLevel | None
    status: SigmaStatus | None
    @classmethod
    def from_dict(cls, rule: dict[str, Any], *, policy: SigmaPolicy | None = None) -> Self: ...

class SigmaRule(SigmaRuleBase):
    logsource: SigmaLogSource
    detection: SigmaDetections
