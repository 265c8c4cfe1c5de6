"""Policy decisions in Cedar: deny by default, and whatever goes wrong is a deny.

A policy set is a folder: one ``schema.cedarschema`` and any number of ``*.cedar`` files. Every policy carries three
annotations: ``@id`` (its name, which decisions report), ``@en`` and ``@ja`` (one plain sentence each: why).

Cedar itself skips a policy whose evaluation fails, so that a ``forbid`` which reads a missing attribute does not
forbid. Here such a request is denied, and so is one whose entities, context or action do not fit the schema, or whose
principal or resource is not among the entities at all.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

import cedarpy

from sakimori.core import ExitCode, SakimoriError

AttributeValue = str | bool | int | Sequence["AttributeValue"] | Mapping[str, "AttributeValue"]
"""What Cedar knows: strings, booleans, 64-bit integers, sets and records of them."""

DEFAULT_DENY = "deny-by-default"
"""Reported when no policy permits a request."""
ERROR_DENY = "deny-on-error"
"""Reported when a request could not be evaluated."""


class PolicyError(SakimoriError):
    """A policy folder that cannot be used: nothing may be decided with it."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True, slots=True)
class Uid:
    """Names an entity: ``Host::"ws-01.bank.example"``."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class PolicyEntity:
    """A principal, a resource or a group of them, with the attributes that policies read."""

    uid: Uid
    attributes: Mapping[str, AttributeValue]
    parents: tuple[Uid, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy as people know it."""

    name: str
    effect: Literal["permit", "forbid"]
    en: str
    ja: str


@dataclass(frozen=True, slots=True)
class Authorisation:
    """An answer with its grounds."""

    allowed: bool
    policies: tuple[PolicyText, ...]
    """Those that decided: the forbids of a denial, the permits otherwise."""
    errors: tuple[str, ...] = ()
    """What the engine could not evaluate, for the log; never empty when ``deny-on-error`` decided."""


_NO_PERMIT = PolicyText(DEFAULT_DENY, "forbid", "No policy permits this.", "これを許可するポリシーがありません。")
_ERROR = PolicyText(
    ERROR_DENY,
    "forbid",
    "The policies could not be evaluated for this request, so it is denied.",
    "この要求についてポリシーを評価できないため、拒否します。",
)


class EntitySet:
    """Entities parsed and checked against a policy set's schema once, for many decisions."""

    __slots__ = ("_known", "errors", "handle")

    def __init__(self, entities: Iterable[PolicyEntity], schema: cedarpy.Schema) -> None:
        plain = [_plain(entity) for entity in entities]
        self._known = {Uid(**entity["uid"]) for entity in plain}
        self.handle: cedarpy.Entities | None = None
        self.errors: tuple[str, ...] = ()
        try:
            self.handle = cedarpy.Entities.from_json_str(json.dumps(plain), schema)
        except (ValueError, TypeError) as error:
            self.errors = (f"entities: {error}",)

    def missing(self, uids: Iterable[Uid]) -> tuple[str, ...]:
        return tuple(f"entities: {uid.type} {uid.id!r} is unknown" for uid in uids if uid not in self._known)


class Policies:
    """A policy set, parsed and validated once. Safe to share between threads."""

    def __init__(self, schema: str, policies: str, *, origin: str) -> None:
        """Parse Cedar schema and policy text.

        Raises:
            PolicyError: syntax, a policy that does not fit the schema, a missing or repeated annotation.
        """
        try:
            self._schema = cedarpy.Schema.from_str(schema)
            parsed: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(policies))
        except ValueError as error:
            raise PolicyError(f"{origin}: {' '.join(str(error).split())}") from error
        if parsed["templates"]:
            raise PolicyError(f"{origin}: policy templates are not used here; write the policy out")
        self.texts: dict[str, PolicyText] = {}
        named: dict[str, Any] = {}
        for position, body in parsed["staticPolicies"].items():
            text = _text(body, where=f"{origin}: {position}")
            if text.name in named:
                raise PolicyError(f"{origin}: two policies are named '{text.name}'")
            self.texts[text.name] = text
            named[text.name] = body
        self._policies = cedarpy.PolicySet.from_json_str(json.dumps({**parsed, "staticPolicies": named}))
        checked = cedarpy.validate_policies(policies, self._schema)
        if not checked.validation_passed:
            raise PolicyError(f"{origin}: {'; '.join(error.error for error in checked.errors)}")

    @staticmethod
    def load(folder: Traversable) -> "Policies":
        """Read a policy folder.

        Raises:
            PolicyError: the folder or its schema is absent, holds no policy, or is not usable.
        """
        try:
            schema = (folder / "schema.cedarschema").read_text(encoding="utf-8")
            sources = sorted((item for item in folder.iterdir() if item.name.endswith(".cedar")), key=lambda i: i.name)
            text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"{folder}: the policies cannot be read: {error}") from error
        if not sources:
            raise PolicyError(f"{folder}: there are no *.cedar files")
        return Policies(schema, text, origin=str(folder))

    @staticmethod
    def shipped(name: str) -> "Policies":
        """The policy set of that name in ``content/policies``."""
        return Policies.load(files("sakimori") / "content" / "policies" / name)

    def entities(self, entities: Iterable[PolicyEntity]) -> EntitySet:
        """Parse entities once. Entities that do not fit the schema make every decision over them a deny."""
        return EntitySet(entities, self._schema)

    def decide(
        self,
        *,
        principal: Uid,
        action: str,
        resource: Uid,
        context: Mapping[str, AttributeValue],
        entities: EntitySet,
    ) -> Authorisation:
        """May ``principal`` do ``action`` to ``resource``? Never raises for what the request holds: that is a deny."""
        errors = entities.errors or entities.missing((principal, resource))
        if errors or entities.handle is None:
            return Authorisation(False, (_ERROR,), errors)
        request: dict[str, Any] = {
            "principal": {"type": principal.type, "id": principal.id},
            "action": {"type": "Action", "id": action},
            "resource": {"type": resource.type, "id": resource.id},
        }
        try:
            request["context"] = json.dumps(context)
            answer = cedarpy.is_authorized(request, self._policies, entities.handle, self._schema)
        except (ValueError, TypeError) as error:
            return Authorisation(False, (_ERROR,), (f"request: {error}",))
        if answer.diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
            return Authorisation(False, (_ERROR,), tuple(answer.diagnostics.errors) or ("no decision",))
        decided = tuple(self.texts[name] for name in sorted(answer.diagnostics.reasons))
        return Authorisation(answer.allowed, decided or (_NO_PERMIT,))


def _plain(entity: PolicyEntity) -> dict[str, Any]:
    return {
        "uid": {"type": entity.uid.type, "id": entity.uid.id},
        "attrs": dict(entity.attributes),
        "parents": [{"type": parent.type, "id": parent.id} for parent in entity.parents],
    }


def _text(body: dict[str, Any], *, where: str) -> PolicyText:
    annotations: dict[str, str] = body.get("annotations", {})
    for key in ("id", "en", "ja"):
        if not annotations.get(key):
            name = annotations.get("id") or "a policy"
            raise PolicyError(f"{where}: {name} lacks @{key}(…): every policy needs @id, @en and @ja")
    return PolicyText(annotations["id"], body["effect"], annotations["en"], annotations["ja"])
