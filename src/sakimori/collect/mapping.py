"""Mapping files: what a bank's own logs (JSON, or CSV with a header row) mean, told in a small YAML file.

The format is described in docs/collect.md. A mapping is a shape like those of ``collect.shapes``, made by the user: the
JSON object of a record in, the event out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import yaml

from sakimori.collect import json_records
from sakimori.collect.readers import Reader
from sakimori.collect.shapes import Fields, Numbers, Shaped, put, text_of
from sakimori.collect.shapes.nested import flattened
from sakimori.collect.times import LONGEST_TIME, SECONDS, epoch_time, local_time, time_of, zone_of
from sakimori.core import InputError, Nanos

HOST = "Computer"
"""The field that names an event's host of origin."""
ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "cp932": "cp932",
    "windows-31j": "cp932",
    "shift_jis": "cp932",  # what is called so is nearly always Windows' superset of it
    "shift-jis": "cp932",
    "sjis": "cp932",
    "euc-jp": "euc_jp",
    "euc_jp": "euc_jp",
}
"""As users write them → as Python calls them. In all of them a line end or a quote is one byte that is nothing else."""
_EPOCH_UNITS = {"epoch_s": SECONDS, "epoch_ms": SECONDS // 10**3, "epoch_us": SECONDS // 10**6, "epoch_ns": 1}


class MappingError(InputError):
    """A mapping file that cannot be used; names file and line."""


@dataclass(frozen=True, slots=True)
class Word:
    """A part of an event's kind: always the same, or what a field says."""

    constant: str = ""
    field: str = ""

    def of(self, fields: Fields) -> str:
        """Raises ShapeError where the field holds neither text nor a whole number; one that is not there says ''."""
        return text_of(fields.get(self.field, "")) if self.field else self.constant


@dataclass(frozen=True, slots=True)
class TimeField:
    field: str
    format: str
    """``rfc3339``, ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns``, or a pattern of ``strptime``."""
    zone: tzinfo | None
    """Of patterns without ``%z``; None: UTC."""

    def of(self, fields: Fields) -> Nanos | None:
        value = fields.get(self.field)
        if self.format == "rfc3339":
            return time_of(value)
        if unit := _EPOCH_UNITS.get(self.format):
            return epoch_time(value, unit)
        return (
            _time_by(self.format, value, self.zone) if isinstance(value, str) and len(value) <= LONGEST_TIME else None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMapping:
    """One mapping file."""

    csv: bool
    """Whether it is for tables; else for JSON, one object per line or in documents."""
    encoding: str
    """Python's name. JSON is always UTF-8."""
    needed: frozenset[str]
    """Columns, or members (nested ones with dots), that a record of this log has."""
    product: Word
    channel: Word
    code: Word
    time: TimeField | None
    names: Mapping[str, str]
    """Field → what it is called from now on."""

    def recognises(self, record: Fields) -> bool:
        return self.needed <= flattened(record).keys()

    def shaped(self, record: Fields) -> Shaped:
        fields = flattened(record)
        kind = (self.product.of(fields), self.channel.of(fields), self.code.of(fields))
        time = self.time.of(fields) if self.time else None
        renamed: Fields = {}
        last: Numbers = {}
        for name, value in fields.items():
            put(renamed, last, self.names.get(name, name), value)
        return Shaped(kind, time, renamed)

    def event(self, raw: bytes) -> Shaped:
        """The event in a JSON object. Raises ShapeError where there is none."""
        return json_records.event(raw, self.shaped)


@dataclass(frozen=True, slots=True)
class MappedJson:
    """A reader of JSON whose records may be of a mapping; those that are not have one of the known shapes."""

    reader: Reader
    mappings: Sequence[LogMapping]

    @property
    def NAME(self) -> str:
        return self.reader.NAME

    def records(self, file: BinaryIO, size: int) -> Any:
        return self.reader.records(file, size)

    def record_at(self, file: BinaryIO, size: int, offset: int) -> bytes:
        return self.reader.record_at(file, size, offset)

    def event(self, raw: bytes) -> Shaped:
        return json_records.event(raw, self._shaped)

    def _shaped(self, record: Fields) -> Shaped:
        found = next((mapping for mapping in self.mappings if mapping.recognises(record)), None)
        return found.shaped(record) if found else json_records.shaped(record)


def read_mapping(path: Path) -> LogMapping:
    """Read one mapping file.

    Raises:
        MappingError: it cannot be read, or something in it is wrong.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MappingError(f"{path}: the mapping file cannot be read: {error.strerror}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MappingError(f"{path}:{line}: this is no YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}:1: this is no YAML: the file is not UTF-8 text") from error
    return _File(path).mapping(root)


@lru_cache(8192)
def _time_by(pattern: str, text: str, zone: tzinfo | None) -> Nanos | None:
    try:
        moment = datetime.strptime(text, pattern)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return local_time(moment, moment.microsecond * 1000)


_KEYS = ("format", "encoding", "recognise", "product", "channel", "code", "time", "host", "fields")


class _File:
    """Turns the nodes of one file into a mapping; knows where each of them stands."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def mapping(self, root: yaml.Node | None) -> LogMapping:
        if root is None:
            raise MappingError(f"{self._path}:1: the mapping file is empty")
        parts = self._members(root, "the mapping", _KEYS)
        for name in ("format", "recognise", "product"):
            if name not in parts:
                self._fail(root, f"'{name}' is missing")
        form = self._choice(parts["format"], "format", {"csv": "csv", "json": "json"})
        if "encoding" in parts and form == "json":
            self._fail(parts["encoding"], "'encoding' is for csv: JSON is UTF-8")
        encoding = self._choice(parts["encoding"], "encoding", ENCODINGS) if "encoding" in parts else "utf-8"
        product = self._word(parts["product"], "product")
        return LogMapping(
            csv=form == "csv",
            encoding=encoding,
            needed=self._needed(parts["recognise"]),
            product=product,
            channel=self._word(parts["channel"], "channel") if "channel" in parts else Word(),
            code=self._word(parts["code"], "code") if "code" in parts else Word(),
            time=self._time(parts["time"]) if "time" in parts else None,
            names=self._names(parts.get("fields"), parts.get("host")),
        )

    def _needed(self, node: yaml.Node) -> frozenset[str]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fail(node, "'recognise' must be a list of the columns or members that only this log has")
        return frozenset(self._text(item, "recognise") for item in node.value)

    def _word(self, node: yaml.Node, name: str) -> Word:
        if isinstance(node, yaml.MappingNode):
            parts = self._members(node, f"'{name}'", ("field",))
            if "field" not in parts:
                self._fail(node, f"'{name}' must be a text, or 'field:' with the name of the field that says it")
            return Word(field=self._text(parts["field"], "field"))
        return Word(constant=self._text(node, name))

    def _time(self, node: yaml.Node) -> TimeField:
        parts = self._members(node, "'time'", ("field", "format", "zone"))
        if "field" not in parts:
            self._fail(node, "'time' has no 'field'")
        form = self._text(parts["format"], "format") if "format" in parts else "rfc3339"
        if form != "rfc3339" and form not in _EPOCH_UNITS:
            self._check_pattern(parts["format"], form)
        zone = None
        if "zone" in parts:
            if "%" not in form or "%z" in form:
                self._fail(parts["zone"], "'zone' is for times whose 'format' is a pattern without %z")
            said = self._text(parts["zone"], "zone")
            zone = zone_of(said)
            if zone is None:
                self._fail(parts["zone"], f"'{said}' is no time zone: write a name such as Asia/Tokyo, or +09:00")
        return TimeField(self._text(parts["field"], "field"), form, zone)

    def _check_pattern(self, node: yaml.Node, pattern: str) -> None:
        sample = datetime(2026, 11, 22, 13, 14, 15)
        try:
            same = datetime.strptime(sample.strftime(pattern.replace("%z", "+0000")), pattern.replace("%z", "+0000"))
        except ValueError:
            same = None
        if "%" not in pattern or same is None:
            known = ", ".join(("rfc3339", *_EPOCH_UNITS))
            self._fail(node, f"'{pattern}' is no time format: write {known}, or a pattern such as %Y/%m/%d %H:%M:%S")
        if same.date() != sample.date():
            self._fail(node, f"the time format '{pattern}' does not say year, month and day")

    def _names(self, node: yaml.Node | None, host: yaml.Node | None) -> dict[str, str]:
        names = {name: self._text(new, name) for name, new in self._members(node, "'fields'").items()} if node else {}
        if host is not None:
            field = self._text(host, "host")
            if field in names:
                self._fail(host, f"'{field}' is the host, which is called {HOST}: do not rename it under 'fields' too")
            names[field] = HOST
        return names

    def _members(self, node: yaml.Node, what: str, known: Sequence[str] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{what} must be 'name: value' lines")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key, "a name")
            if known and name not in known:
                self._fail(key, f"unknown '{name}' in {what} (known: {', '.join(known)})")
            if name in found:
                self._fail(key, f"'{name}' stands twice in {what}")
            found[name] = value
        return found

    def _choice(self, node: yaml.Node, name: str, choices: Mapping[str, str]) -> str:
        said = self._text(node, name)
        found = choices.get(said.lower())
        if found is None:
            self._fail(node, f"'{name}' is '{said}', which is none of {', '.join(choices)}")
        return found

    def _text(self, node: yaml.Node, name: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._fail(node, f"'{name}' must be a text")
        return node.value

    def _fail(self, node: yaml.Node, what: str) -> NoReturn:
        raise MappingError(f"{self._path}:{node.start_mark.line + 1}: {what}")
