"""Reading rule files: paths in, pySigma's parsed documents out, with every error at its file and line.

pySigma is lenient and lazy; nothing here trusts it to have looked at a whole rule (see ``compile``).
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import re2
import yaml
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.modifiers import modifier_mapping, reverse_modifier_mapping
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader

from sakimori.detect.sigma import spelling
from sakimori.detect.sigma.plan import RuleError

PARSE_ERRORS = (SigmaError, yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What pySigma raises on bad input: its own errors, and Python's on shapes that its checks overlook."""

_SECTIONS = (
    ("condition", "condition"),
    ("logsource", "logsource"),
    ("correlation", "correlation"),
    ("timespan", "timespan"),
    ("level", "level"),
    ("status", "status"),
    ("date", "date"),
    ("identifier", "id"),
    ("filter", "filter"),
    ("modifier", "detection"),
    ("detection", "detection"),
    ("'rules'", "rules"),
)


_NUMERIC = ("gt", "gte", "lt", "lte", "minute", "hour", "day", "week", "month", "year")


class _QuietRe2(RegexEngine):
    """RE2, which pySigma checks expressions with, without its habit of writing to standard error."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        options = re2.Options()
        options.log_errors = False
        return cast("RegexPattern", re2.compile(pattern, options))

    @property
    def error(self) -> type[Exception]:
        return re2.error


_POLICY = SigmaPolicy(regex_engine=_QuietRe2())


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document that pySigma understood."""

    parsed: SigmaRule | SigmaCorrelationRule | SigmaFilter
    path: Path
    node: yaml.MappingNode
    condition: object = None
    """Of a correlation: its condition as it stands, since pySigma refuses ranges."""

    @property
    def line(self) -> int:
        return self.node.start_mark.line + 1

    def error(self, problem: BaseException | str) -> RuleError:
        """The problem, at the line that it talks about where that can be told."""
        return RuleError(self.path, _line(self.node, problem), _reason(problem))


def parse_file(path: Path, data: bytes) -> Iterator[Document | RuleError]:
    """The documents of one file; each bad one as an error, the others regardless."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield RuleError(path, data[: error.start].count(b"\n") + 1, "not UTF-8 text: save the file as UTF-8")
        return
    try:
        loader = SigmaYAMLLoader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is not None and not (isinstance(node, yaml.ScalarNode) and node.value == ""):
                yield _document(path, loader, node)
    except (yaml.YAMLError, RecursionError) as error:
        yield RuleError(path, min(_yaml_line(error), text.rstrip().count("\n") + 1), _reason(error))


def _document(path: Path, loader: SigmaYAMLLoader, node: yaml.Node) -> Document | RuleError:
    if not isinstance(node, yaml.MappingNode):
        return RuleError(path, node.start_mark.line + 1, "not a Sigma rule: expected a mapping with 'title' and so on")
    try:
        plain = cast("dict[str, Any]", loader.construct_document(node))
        if "action" in plain:
            raise ValueError("'action' documents were removed from Sigma: write each rule out")
        condition = _condition(plain)
        parsed = _parse(plain)
    except PARSE_ERRORS as error:
        return RuleError(path, _line(node, error), _reason(error))
    return Document(parsed, path, node, condition)


def _condition(plain: dict[str, Any]) -> object:
    section: object = plain.get("correlation")
    return cast("dict[str, Any]", section).get("condition") if isinstance(section, dict) else None


def _parse(plain: dict[str, Any]) -> SigmaRule | SigmaCorrelationRule | SigmaFilter:
    if "correlation" in plain:
        return SigmaCorrelationRule.from_dict(spelling.correlation(plain))
    if "filter" in plain:
        return SigmaFilter.from_dict({**plain, "filter": spelling.global_filter(plain["filter"])}, policy=_POLICY)
    if "detection" in plain:
        plain = {**plain, "detection": spelling.detection(plain["detection"])}
    return SigmaRule.from_dict(plain, policy=_POLICY)


def _reason(problem: BaseException | str) -> str:
    """One line: pySigma's own words, or what kind of thing went wrong."""
    if isinstance(problem, yaml.MarkedYAMLError):
        words = problem.problem or str(problem)
        return f"not valid YAML: {words}"
    if isinstance(problem, RecursionError):
        return "nested too deeply"
    text = " ".join(str(problem).split())
    if isinstance(problem, KeyError):
        return f"member {text} is missing"
    if place := re.search(r"\(at char \d+\), \(line:\d+, col:(\d+)\)", text):
        return (
            f"the condition cannot be understood from its character {place[1]} on: operators are and, or, not, "
            "1 of, all of; names are of A-Z, a-z, 0-9, _ and -"
        )
    if unknown := re.match(r"Unknown modifier '([^']+)'", text):
        close = difflib.get_close_matches(unknown[1], modifier_mapping, n=1)
        return f"unknown modifier '{unknown[1]}'" + (f" (did you mean '{close[0]}'?)" if close else "")
    if misfit := re.match(r"Modifier (\w+) incompatible to value type of '(.*)'", text):
        return _misfit(reverse_modifier_mapping.get(misfit[1], misfit[1]), misfit[2])
    if kind := re.match(r"Unsupported type: <class '([\w.]+)'>", text):
        return f"detection has a value of type {kind[1]}: use texts, numbers, booleans or null"
    if text.startswith("Exceeds the limit"):
        return "a number has too many digits: put it in quotes"
    text = re.sub(r": b'([^']*)'\Z", r": \1", text)  # RE2 words its errors in bytes
    return text or type(problem).__name__


def _misfit(modifier: str, value: str) -> str:
    """A modifier that does not take the value; pySigma shows its own objects where another modifier made it."""
    if "Sigma" in value:
        return f"modifier '{modifier}' does not go with a null value or with what stands before it"
    if modifier in ("ignorecase", "multiline", "dotall"):
        return f"modifier '{modifier[0] if modifier != 'dotall' else 's'}' needs 're' before it"
    wanted = "a number" if modifier in _NUMERIC else "true or false" if modifier == "exists" else "a text in quotes"
    return f"modifier '{modifier}' does not take the value '{value}': it needs {wanted}"


def _yaml_line(error: BaseException) -> int:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return mark.line + 1 if mark else 1


def _scalars(root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Each scalar once, however often aliases repeat it."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(reversed(cast("Sequence[yaml.Node]", node.value)))
        elif isinstance(node, yaml.MappingNode):
            pairs = cast("Sequence[tuple[yaml.Node, yaml.Node]]", node.value)
            waiting.extend(part for key, value in reversed(pairs) for part in (value, key))


def _line(node: yaml.MappingNode, problem: BaseException | str) -> int:
    """Where the words that the problem quotes stand, else the section that it is about, else the document."""
    if isinstance(problem, yaml.MarkedYAMLError) and problem.problem_mark:
        return problem.problem_mark.line + 1
    scalars = list(_scalars(node))
    text = _reason(problem)
    for word in re.findall(r"'([^']+)'", text):
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for scalar in scalars:
            if whole.search(str(scalar.value)):
                return scalar.start_mark.line + 1
    for scalar in scalars:
        if not str(scalar.value).isalpha() and len(scalar.value) > 3 and scalar.value in text:
            return scalar.start_mark.line + 1
    for sign, section in _SECTIONS:
        if sign in f"{type(problem).__name__} {text}".lower():
            for scalar in scalars:
                if scalar.value == section:
                    return scalar.start_mark.line + 1
    return node.start_mark.line + 1
