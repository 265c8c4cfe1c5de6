"""Streamed answers of ``/v1/responses``: events as ``openai.types.responses.ResponseStreamEvent`` of the SDK 3.54."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from sakimori.gateway import sse
from sakimori.gateway.boundary import Passage
from sakimori.gateway.endpoints import hosted
from sakimori.gateway.endpoints.stream import AnswerStream, Lanes, Seal, unusable
from sakimori.gateway.refusal import Refusal


class _Text(NamedTuple):
    """A text that comes in pieces."""

    place: str | None
    """What tells it from others of the same item."""
    json: bool = False


_TEXTS: Mapping[str, _Text] = {
    "response.output_text": _Text("content_index"),
    "response.refusal": _Text("content_index"),
    "response.reasoning_text": _Text("content_index"),
    "response.reasoning_summary_text": _Text("summary_index"),
    "response.function_call_arguments": _Text(None, json=True),
    "response.custom_tool_call_input": _Text(None),
    "response.shell_call_command": _Text("command_index"),
    "response.mcp_call_arguments": _Text(None, json=True),
    "response.code_interpreter_call_code": _Text(None),
}
_DELTAS = {f"{name}.delta": text for name, text in _TEXTS.items()}
_DONE = {f"{name}.done": name for name in _TEXTS}
_UNDER_WAY = frozenset({"response.created", "response.queued", "response.in_progress"})
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})
_ENDS_ITEM = frozenset(
    {"response.output_item.done", "response.content_part.done", "response.reasoning_summary_part.done"}
)
_OF_TOOLS: Mapping[str, str] = {
    f"response.{name}.{state}": tool
    for name, (tool, *states) in {
        "web_search_call": ("web_search", "in_progress", "searching", "completed"),
        "file_search_call": ("file_search", "in_progress", "searching", "completed"),
        "code_interpreter_call": ("code_interpreter", "in_progress", "interpreting", "completed"),
        "code_interpreter_call_code": ("code_interpreter", "delta", "done"),
        "mcp_call": ("mcp", "in_progress", "completed", "failed"),
        "mcp_call_arguments": ("mcp", "delta", "done"),
        "mcp_list_tools": ("mcp", "in_progress", "completed", "failed"),
        "image_generation_call": ("image_generation", "in_progress", "generating", "partial_image", "completed"),
        "shell_call_output_content": ("shell", "delta", "done"),
    }.items()
    for state in states
}
"""By the kind of an event: the tool at the provider that it tells of."""
_OTHERS = (
    frozenset(
        {
            "response.output_item.added",
            "response.content_part.added",
            "response.reasoning_summary_part.added",
            "response.output_text.annotation.added",
            "response.shell_call_command.added",
        }
    )
    | _OF_TOOLS.keys()
)
_HOLDING = frozenset(
    {
        *(f"response.{of}.{state}" for of in ("output_item", "content_part") for state in ("added", "done")),
        *(f"response.reasoning_summary_part.{state}" for state in ("added", "done")),
        "response.output_text.annotation.added",
    }
)
_HELD = {"item": hosted.hold_item, "part": hosted.hold_part, "annotation": hosted.hold_annotation}
"""Members of events, and what holds them against the grant."""
KEEP_ALIVE = "keepalive"
"""Undocumented; OpenAI and Azure send it while a model thinks, and many libraries fail on it. Clients get a comment."""
_LEFT_OUT = frozenset({"response.reasoning_part.added", "response.reasoning_part.done"})
"""Of vLLM alone: they repeat what the other events of reasoning say, and strict clients fail on them."""
_PADDING = "obfuscation"
"""Hides how long a piece is from who watches the line; what was restored has another length."""


class ResponsesStream(AnswerStream):
    def __init__(
        self, passage: Passage, seal: Seal, _asked: Mapping[str, object], hosted_tools: frozenset[str]
    ) -> None:
        super().__init__(passage, seal, hosted_tools)
        self._lanes = Lanes(passage)
        self._pieces: dict[tuple[object, ...], dict[str, Any]] = {}
        """The last event of each text, whose ids its rest is sent under."""
        self._response: dict[str, Any] = {}
        self._shown: list[object] = []
        """Items that are done, where tools may run at the provider."""
        self._number = 0

    def event(self, name: str, data: dict[str, Any]) -> list[bytes]:
        kind = data.setdefault("type", name)
        if not isinstance(kind, str):
            raise unusable("sent an event without its kind")
        data.pop(_PADDING, None)
        hold_event(kind, data, self._hosted_tools)
        if kind in _DELTAS:
            return self._delta(kind, data)
        if kind in _DONE:
            key = self._key(_DONE[kind], data)
            return [*self._rests(*key), self._send(self._without_pieces(self.restore(data)))]
        if kind in _UNDER_WAY:
            about = self._about(data)
            hosted.hold_response(about, self._hosted_tools)
            self._response = self.restore(about)
            return [self._send({"type": kind, "response": self._response})]
        if kind in _LAST:
            return self._finish(data)
        if kind in _ENDS_ITEM:
            if self._hosted_tools and kind == "response.output_item.done":
                self._shown.append(data.get("item"))
            return [*self._rests(data.get("output_index")), self._send(self.restore(data))]
        if kind in _OTHERS:
            return [self._send(self.restore(data))]
        if kind == "error":
            return [self._provider_error(data)]
        if kind == KEEP_ALIVE:
            return [b": still there\n\n"]
        if kind in _LEFT_OUT:
            return []
        raise hosted.not_known("an event", kind)

    def end(self) -> list[bytes]:
        return []

    def fail(self, refusal: Refusal) -> bytes:
        error = refusal.body["error"]
        return self._broken(code=error["code"], message=error["message"], param=error["param"], kind=error["type"])

    def _delta(self, kind: str, data: dict[str, Any]) -> list[bytes]:
        key = self._key(kind.removesuffix(".delta"), data)
        said = self._lanes.feed(key, data.get("delta"), json=_DELTAS[kind].json)
        self._pieces[key] = data
        return [self._send(self._without_pieces({**data, "delta": said}))] if said else []

    def _finish(self, data: dict[str, Any]) -> list[bytes]:
        about = self._about(data)
        rests = self._rests()
        self.usage = hosted.response_usage(about, self._shown)
        hosted.hold_response(about, self._hosted_tools)
        self.finished = True
        if data.get("type") == "response.failed":
            self.failed = _code(about.get("error"))
        return [*rests, self._send({"type": data["type"], "response": self.restore_last(about)})]

    def _provider_error(self, data: dict[str, Any]) -> bytes:
        told = cast("dict[str, Any]", data["error"]) if isinstance(data.get("error"), dict) else data
        code, message, param = told.get("code"), told.get("message"), told.get("param")
        self.failed = _code(told)
        self.finished = True
        return self._broken(
            code=code if isinstance(code, str) else None,
            message=self.whole(message) if isinstance(message, str) else "The model provider failed.",
            param=param if isinstance(param, str) else None,
            kind="server_error",
        )

    def _broken(self, *, code: str | None, message: str, param: str | None, kind: str) -> bytes:
        """Two events, since some clients heed the one and some the other. ``error`` is what OpenAI's raise from."""
        error = {"message": message, "type": kind, "param": param, "code": code}
        told = self._send({"type": "error", "code": code, "message": message, "param": param, "error": error})
        if not self._response:
            return told
        # ``server_error`` is one of the few codes that this event may have.
        failed = {**self._response, "status": "failed", "error": {"code": "server_error", "message": message}}
        return told + self._send({"type": "response.failed", "response": failed})

    def _about(self, data: dict[str, Any]) -> dict[str, Any]:
        about = data.get("response")
        if not isinstance(about, dict):
            raise unusable("sent an event without its response")
        response = cast("dict[str, Any]", about)
        self.model = response.get("model", self.model)
        self.cyber = cyber_of(response) or self.cyber
        return response

    def _key(self, name: str, data: dict[str, Any]) -> tuple[object, ...]:
        place = _TEXTS[name].place
        places = (data.get("output_index"), data.get(place) if place else None)
        if any(isinstance(place, dict | list) for place in places):
            raise unusable("sent an event without its place")
        return (places[0], name, places[1])

    def _rests(self, *key: object) -> list[bytes]:
        """What was still held of the texts whose keys begin so, each as one more piece."""
        return [
            self._send(self._without_pieces({**self._pieces[of], "delta": rest}))
            for of, rest in self._lanes.flush(*key)
        ]

    def _without_pieces(self, data: dict[str, Any]) -> dict[str, Any]:
        """Log probabilities are of pieces of tokens, which cannot be restored."""
        if data.get("logprobs"):
            data["logprobs"] = []
        return data

    def _send(self, data: dict[str, Any]) -> bytes:
        """Numbered anew: pieces are held back and rests are added."""
        data["sequence_number"] = self._number
        self._number += 1
        return sse.encode(data, data["type"])


def hold_event(kind: str, data: Mapping[str, Any], hosted_tools: frozenset[str]) -> None:
    """Raises Refusal where an event is about what no grant names, or about an item or a part that is not known."""
    if kind in _OF_TOOLS:
        hosted.allow(_OF_TOOLS[kind], hosted_tools)
    if kind in _HOLDING:
        for member, hold in _HELD.items():
            if member in data:
                hold(data[member], hosted_tools)


def cyber_of(answer: dict[str, Any]) -> str | None:
    """The level of cyber access that an answer reports; ``unknown`` where it is none of ``CYBER_LEVELS``."""
    programs = answer.get("access_programs")
    level = cast("dict[str, Any]", programs).get("cyber") if isinstance(programs, dict) else None
    return level if level is None or level in CYBER_LEVELS else UNKNOWN_LEVEL


CYBER_LEVELS = ("standard", "daybreak_blue", "daybreak_red")
UNKNOWN_LEVEL = "unknown"


def _code(error: object) -> str:
    code = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code.isascii() and code.isidentifier() else "provider_error"
