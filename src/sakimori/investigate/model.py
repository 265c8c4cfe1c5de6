"""The model-led investigator: a bounded agent loop over HTTP to the gateway, with read-only tools over the evidence."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sakimori.core import Clock, parse_rfc3339
from sakimori.investigate.answer import Answer
from sakimori.investigate.case import Case, Exhibits
from sakimori.investigate.conclude import conclude
from sakimori.investigate.established import establish
from sakimori.investigate.fields import prompt_text
from sakimori.investigate.investigator import InvestigationFailed
from sakimori.investigate.prompt import event_message, prompt
from sakimori.records import Entity, EntityType, Verdict, entity_value

if TYPE_CHECKING:
    from pydantic_ai import Agent


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """What one investigation may take."""

    requests: int = 12
    """Calls to the model."""
    tool_calls: int = 24
    tokens: int = 200_000
    """Input plus output, over all calls."""
    output_tokens: int = 8_000
    """Per call."""
    seconds: float = 120.0
    """Wall time in all."""


class ModelInvestigator:
    """Speaks the OpenAI Responses API to ``gateway_url`` (as ``http://127.0.0.1:8443/v1``) and to nothing else.

    ``service_key`` is the gateway's, not the provider's. The model's answer is a list of wishes and statements: what
    counts of it is decided as for the offline investigator, whose facts it adds to.
    """

    def __init__(
        self,
        *,
        gateway_url: str,
        service_key: str,
        model: str,
        clock: Clock,
        limits: ModelLimits | None = None,
    ) -> None:
        self._gateway_url = gateway_url
        self._service_key = service_key
        self._model = model
        self._clock = clock
        self._limits = limits or ModelLimits()

    async def investigate(self, case: Case) -> Verdict:
        exhibits = Exhibits(case)
        established = establish(case, exhibits)
        try:
            async with asyncio.timeout(self._limits.seconds):
                answer, model = await self._ask(case, exhibits)
        except TimeoutError as error:
            raise InvestigationFailed(
                f"the model came to no verdict within {self._limits.seconds:g} s: the offline investigator goes on"
            ) from error
        return conclude(case, exhibits, established, answer.opined(model), now=self._clock.now())

    async def _ask(self, case: Case, exhibits: Exhibits) -> tuple[Answer, str]:
        """The model's answer and the name of the model that gave it, as the provider says."""
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError  # over a second to import: only when used
        from pydantic_ai import UsageLimits
        from pydantic_ai.exceptions import AgentRunError
        from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
        from pydantic_ai.providers.openai import OpenAIProvider

        limits = self._limits
        direct = DefaultAsyncHttpxClient(trust_env=False, follow_redirects=False)  # no proxy, no other server
        async with AsyncOpenAI(
            base_url=self._gateway_url,
            api_key=self._service_key,
            default_headers={"Sakimori-Purpose": "investigation"},
            max_retries=1,
            timeout=limits.seconds,
            http_client=direct,
        ) as client:
            agent = _agent(OpenAIResponsesModel(self._model, provider=OpenAIProvider(openai_client=client)), exhibits)
            try:
                result = await agent.run(
                    prompt(case),
                    usage_limits=UsageLimits(
                        request_limit=limits.requests,
                        tool_calls_limit=limits.tool_calls,
                        total_tokens_limit=limits.tokens,
                    ),
                    model_settings=OpenAIResponsesModelSettings(openai_store=False, max_tokens=limits.output_tokens),
                )
            except (AgentRunError, OpenAIError, AttributeError, TypeError, LookupError, ValueError) as error:
                # The libraries trust the answer's shape: one of another shape fails in them as a bug of theirs would.
                raise InvestigationFailed(f"{_reason(error)}: the offline investigator goes on") from error
        return result.output, result.response.model_name or self._model


def _agent(model: Any, exhibits: Exhibits) -> "Agent[None, Answer]":
    from pydantic_ai import Agent, ModelRetry, NativeOutput

    agent = Agent(
        model,
        output_type=NativeOutput(Answer, strict=True),
        instructions=prompt_text("investigate.md"),
        retries=1,
    )

    @agent.tool_plain
    def read_event(event_id: str) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction] - the agent calls it
        """One event of the case's evidence by its id."""
        event = exhibits.event(event_id)
        return event_message(event) if event else {"error": "no such event in this case"}

    @agent.tool_plain
    def search_events(  # pyright: ignore[reportUnusedFunction] - the agent calls it
        entity_type: Literal["host", "user", "ip"], entity: str, start: str, end: str
    ) -> list[dict[str, Any]]:
        """The first 20 kept events that mention a host, user or IP address, from start to before end (RFC 3339).

        Looks at most a day before and after the incident.
        """
        try:
            first, last = parse_rfc3339(start), parse_rfc3339(end)
        except ValueError as error:
            raise ModelRetry("start and end must be RFC 3339 date-times") from error
        type = EntityType(entity_type)
        found = exhibits.search(Entity(type=type, value=entity_value(type, entity)), start=first, end=last)
        return [event_message(event) for event in found]

    return agent


def _reason(error: Exception) -> str:
    """Why a model's answer cannot be used, without anything of its text."""
    from pydantic_ai.exceptions import ModelConnectionError, ModelHTTPError, UsageLimitExceeded

    match error:
        case ModelHTTPError():
            return f"the gateway answered HTTP {error.status_code}"
        case ModelConnectionError():
            return "the gateway could not be reached"
        case UsageLimitExceeded():
            return "the model used up its calls or tokens"
        case _:
            return "the answer had not the agreed form"
