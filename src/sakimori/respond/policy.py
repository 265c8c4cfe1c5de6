"""May this action happen? Guard rails in code first, then the institution's Cedar policies (content/policies/respond).

Guard rails hold whatever the policies say: the target must be in the inventory and in the incident, something must be
there to carry the action out, and the same effect must not be in force already. Policies see facts from the inventory,
the verdict's route and disposition, and the journal: never a text that came from outside.
"""

from collections.abc import Collection

from sakimori.access.policy import Authorisation, Policies, PolicyEntity, PolicyText, Uid
from sakimori.records import Action, Decision, HostAsset, Ruling
from sakimori.respond.grounds import Asset, Grounds
from sakimori.store.journal import Standing

_SERVICE = PolicyEntity(Uid("Service", "respond"), {})


def _guard(name: str, en: str, ja: str) -> PolicyText:
    return PolicyText(name, "forbid", en, ja)


NOT_ANSWERED = _guard(
    "no-playbook-answers",
    "No valid playbook answers this proposal.",
    "この提案に対応する有効なプレイブックがありません。",
)
NOT_CONNECTED = _guard(
    "no-connector-reaches",
    "No configured connector can do this to the target.",
    "対象にこの操作を行えるコネクターが設定されていません。",
)
NOT_IN_INVENTORY = _guard(
    "target-in-inventory",
    "The inventory does not have exactly one asset of that name.",
    "その名前の資産が台帳に一つだけ存在する状態ではありません。",
)
NOT_IN_INCIDENT = _guard(
    "target-in-incident",
    "No detector tied the target to this incident.",
    "対象をこのインシデントに結び付けた検知がありません。",
)
IN_FORCE = _guard(
    "already-in-force",
    "Another response already has this effect in force.",
    "別の対応によって、すでに同じ効果が有効です。",
)


class ResponsePolicy:
    """Rules on actions. Parsed once, safe to share."""

    def __init__(self, policies: Policies | None = None, *, management_hosts: frozenset[str] = frozenset()) -> None:
        """``management_hosts``: names of the hosts that the defence itself runs on or is managed from."""
        self._policies = policies or Policies.shipped("respond")
        self._management_hosts = management_hosts

    def rule(self, action: Action, grounds: Grounds, standing: Standing) -> Decision:
        """Allow, ask a person, or deny. Whatever cannot be evaluated is denied."""
        asset = grounds.asset(action.target)
        if asset is None:
            return decision(Ruling.DENY, NOT_IN_INVENTORY)
        if action.target not in grounds.proved:
            return decision(Ruling.DENY, NOT_IN_INCIDENT)
        if action.tenant != grounds.tenant or action.incident_id != grounds.incident.id:
            return decision(Ruling.DENY, NOT_IN_INCIDENT)
        if standing.holding(action.command, action.target):
            return decision(Ruling.DENY, IN_FORCE)
        entity = self._entity(asset)
        alone = self._ask(action, entity, grounds, standing, approved=False, only_who_asked=False)
        approved = self._ask(action, entity, grounds, standing, approved=True, only_who_asked=False)
        if alone.allowed:
            return decision(Ruling.ALLOW, *alone.policies)
        if approved.allowed:
            return decision(Ruling.NEEDS_APPROVAL, *alone.policies)
        return decision(Ruling.DENY, *approved.policies)

    def consent_lacks(
        self, action: Action, grounds: Grounds, standing: Standing, *, approvers: Collection[str], asked_by: str
    ) -> Decision | None:
        """Why the consent of these people (actors, at least one) does not suffice yet; None: it does.

        For an action that ``rule`` says needs approval.
        """
        asset = grounds.asset(action.target)
        if asset is None:
            return decision(Ruling.DENY, NOT_IN_INVENTORY)
        answer = self._ask(
            action,
            self._entity(asset),
            grounds,
            standing,
            approved=bool(approvers),
            only_who_asked=set(approvers) == {asked_by},
        )
        return None if answer.allowed else decision(Ruling.NEEDS_APPROVAL, *answer.policies)

    def _ask(
        self,
        action: Action,
        entity: PolicyEntity,
        grounds: Grounds,
        standing: Standing,
        *,
        approved: bool,
        only_who_asked: bool,
    ) -> Authorisation:
        return self._policies.decide(
            principal=_SERVICE.uid,
            action=action.command.value,
            resource=entity.uid,
            context={
                "disposition": grounds.verdict.disposition.value,
                "route": grounds.verdict.route.value,
                "automatic_last_hour": standing.automatic_last_hour(action.command),
                "automatic_in_force": standing.automatic_in_force(action.command),
                "approved": approved,
                "only_who_asked": only_who_asked,
            },
            entities=self._policies.entities((_SERVICE, entity)),
        )

    def _entity(self, asset: Asset) -> PolicyEntity:
        if isinstance(asset, HostAsset):
            role = _word(asset.role)
            return PolicyEntity(
                Uid("Host", asset.name),
                {
                    "criticality": asset.criticality.value,
                    "role": role,
                    "management": role == "management" or asset.name in self._management_hosts,
                },
            )
        return PolicyEntity(
            Uid("Account", asset.name), {"criticality": asset.criticality.value, "kind": _word(asset.kind)}
        )


def decision(ruling: Ruling, *texts: PolicyText) -> Decision:
    """A decision with the names and sentences of the policies that made it."""
    return Decision(
        ruling=ruling,
        policies=tuple(text.name for text in texts),
        reason=" ".join(text.en for text in texts),
        reason_ja="".join(text.ja for text in texts),
    )


def _word(text: str) -> str:
    """Roles and kinds as policies spell them: ``Domain Controller`` is ``domain-controller``."""
    return "-".join(text.replace("_", " ").replace("-", " ").lower().split())
