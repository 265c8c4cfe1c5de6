"""Which providers may serve a call, best first; and if none, which requirement it is that none meets."""

from collections.abc import Callable, Collection
from random import Random

from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.health import Health
from sakimori.gateway.providers.provider import Provider
from sakimori.gateway.refusal import Refusal
from sakimori.records import Requirements

_NANOS_PER_SECOND = 1_000_000_000


class Router:
    def __init__(self, providers: Providers, health: Health, random: Random) -> None:
        """``random`` decides among providers of one order, by their weights."""
        self._providers = providers
        self._health = health
        self._random = random

    def candidates(
        self,
        model: str,
        endpoint_path: str,
        requirements: Requirements,
        *,
        institution: str,
        translated: Collection[str] = (),
    ) -> list[Provider]:
        """Providers that a call may go to, in the order in which to try them.

        Args:
            institution: whose call it is.
            model: as it is granted.
            translated: endpoints into which the gateway can translate this one, for providers that do not speak it.

        Raises:
            Refusal: there is none (503).
        """
        paths = {endpoint_path, *translated}
        left = list(self._providers)
        for fits, sentence in _requirements(model, paths, requirements):
            left = [provider for provider in left if fits(provider)]
            if not left:
                raise Refusal(503, "no_provider", f"No provider of this gateway {sentence}.")
        connected = [provider for provider in left if provider.name not in self._health.cut]
        if not connected:
            message = "Every provider that may serve this call was cut off by the gateway's operator."
            raise Refusal(503, "provider_cut", message)
        usable = [provider for provider in connected if self._health.usable(provider.name, institution)]
        if not usable:
            wait = min(self._health.wait(provider.name, institution) for provider in connected)
            raise Refusal(
                503,
                "provider_unavailable",
                "Every provider that may serve this call keeps failing at present; try again later.",
                retry_after=wait // _NANOS_PER_SECOND + 1,
                may_retry=True,
            )
        return sorted(usable, key=self._place)

    def _place(self, provider: Provider) -> tuple[int, float]:
        """By order; within one, at random by weight (Efraimidis and Spirakis 2006: the largest ``u ** (1 / w)``)."""
        return provider.order, -(self._random.random() ** (1 / provider.weight))


def _requirements(
    model: str, paths: Collection[str], requirements: Requirements
) -> list[tuple[Callable[[Provider], bool], str]]:
    """What must hold, each with how a sentence about those that lack it ends."""
    stored, processed, days = requirements.stored_in, requirements.processed_in, requirements.retention_days
    listed = " or ".join(sorted(paths))
    found: list[tuple[Callable[[Provider], bool], str]] = [
        (lambda p: p.own_name(model) is not None, "has this model"),
        (lambda p: not p.endpoints.isdisjoint(paths), f"that has this model speaks {listed}"),
    ]
    if stored:
        sentence = f"that has this model stores nowhere but in {', '.join(stored)}, as the grant requires"
        found.append((lambda p: p.stored_in <= set(stored), sentence))
    if processed:
        sentence = f"that meets the grant's other requirements processes nowhere but in {', '.join(processed)}"
        found.append((lambda p: p.processed_in <= set(processed), sentence))
    if days is not None:
        kept = f"keeps what it gets for at most {days} days" if days else "keeps nothing of what it gets"
        sentence = f"that meets the grant's other requirements {kept}"
        found.append((lambda p: p.retention_days is not None and p.retention_days <= days, sentence))
    return found
