"""Sentences about events, in both languages, with the fields that prove them (content/prompts/statements.yaml)."""

import re
from dataclasses import dataclass
from functools import cache

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sakimori.investigate.case import EvidenceEvent
from sakimori.investigate.fields import allowed, prompt_file, shown_text
from sakimori.records import Citation, Claim, Finding, cell_texts


@dataclass(frozen=True, slots=True)
class Statement:
    name: str
    when: dict[str, re.Pattern[str]]
    cite: tuple[str, ...]
    also: tuple[str, ...]
    runs_on: str | None
    by: tuple[str, ...]
    english: Template
    japanese: Template

    def fits(self, event: EvidenceEvent) -> bool:
        """Whether all conditions hold, and there is something to cite."""
        return (
            all(_text(event, name) for name in self.cite)
            and any(_text(event, name) for name in (*self.cite, *self.also))
            and all(
                any(pattern.search(text) for text in cell_texts(event.fields.get(name, "")))
                for name, pattern in self.when.items()
            )
        )

    def claim(self, event: EvidenceEvent, finding: Finding) -> Claim:
        """The sentence about ``event``, citing every field that it names."""
        texts = {name: _readable(name, _text(event, name)) for name in event.fields}
        words = {**texts, "fields": texts, "rule": shown_text("name", finding.title)}
        return Claim(
            statement=self.english.render(words),
            statement_ja=self.japanese.render({**words, "rule": shown_text("name", finding.title_ja or finding.title)}),
            citations=tuple(
                Citation(event_id=event.event_id, field=name, value=_text(event, name))
                for name in (*self.cite, *self.also)
                if _text(event, name)
            ),
        )

    def host(self, event: EvidenceEvent) -> Citation | None:
        """The host on which, as the event shows, it ran."""
        return _citation(event, self.runs_on) if self.runs_on else None

    def account(self, event: EvidenceEvent) -> Citation | None:
        """The account that did it."""
        return next((found for name in self.by if (found := _citation(event, name))), None)


def statement_for(event: EvidenceEvent) -> Statement | None:
    """The first statement that fits; None where the event says too little."""
    return next((statement for statement in _statements() if statement.fits(event)), None)


@cache
def _statements() -> tuple[Statement, ...]:
    # Not escaped here: these are plain sentences, and whoever puts them into HTML escapes all text.
    language = ImmutableSandboxedEnvironment(autoescape=False)
    return tuple(
        Statement(
            name=spec["name"],
            when={name: re.compile(pattern, re.IGNORECASE) for name, pattern in spec["when"].items()},
            cite=tuple(spec["cite"]),
            also=tuple(spec.get("also", ())),
            runs_on=spec.get("runs_on"),
            by=tuple(spec.get("by", ())),
            english=language.from_string(spec["en"]),
            japanese=language.from_string(spec["ja"]),
        )
        for spec in prompt_file("statements.yaml")
    )


def _citation(event: EvidenceEvent, name: str) -> Citation | None:
    text = _text(event, name)
    return Citation(event_id=event.event_id, field=name, value=text) if text else None


def _text(event: EvidenceEvent, name: str) -> str:
    """The first text of a field; empty where it is absent or says nothing."""
    texts = cell_texts(event.fields[name]) if name in event.fields else []
    return texts[0] if texts and texts[0] != "-" else ""


def _readable(name: str, text: str) -> str:
    field_type = allowed().types.get(name)
    return field_type.show(text) if field_type and text else ""
