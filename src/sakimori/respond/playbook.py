"""CACAO 2.0 playbooks as typed objects (OASIS CACAO Security Playbooks 2.0, 2023-11-27).

The subset: one ``start`` step, then ``action`` steps in a row, then ``end``. A step that fails ends the run, so
``on_failure`` may only name an ``end`` step. What an action does is typed, by our extension (documented in each
playbook's ``extension_definitions``): CACAO's own command beside it is for people and for other executors.
Anything else in a playbook is refused, naming the step, rather than skipped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, cast

from sakimori.core import InputError, Nanos, parse_rfc3339
from sakimori.records import Command, EntityType, parse_object

EXTENSION = "extension-definition--7f715536-1c1b-4947-bb95-9bb400df7139"
"""Our extension's id, as it stands in the shipped playbooks."""
DEFAULT_TIMEOUT_S = 20.0

_UUID = r"--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
_PLAYBOOK_ID = re.compile("playbook" + _UUID)
_STEP_ID = re.compile("([a-z][a-z0-9-]+[a-z0-9])" + _UUID)
_TARGETS = {
    Command.ISOLATE_HOST: EntityType.HOST,
    Command.RELEASE_HOST: EntityType.HOST,
    Command.DISABLE_ACCOUNT: EntityType.USER,
    Command.ENABLE_ACCOUNT: EntityType.USER,
}
_STEP_MEMBERS = {"type", "name", "description", "external_references", "on_completion", "on_success", "on_failure"}
_ACTION_MEMBERS = _STEP_MEMBERS | {"timeout", "step_extensions", "commands", "agent", "in_args"}


class PlaybookError(InputError):
    """A playbook that cannot be carried out as it is written. ``problems`` lists all that was found."""

    def __init__(self, where: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{where}: {'; '.join(self.problems)}")


@dataclass(frozen=True, slots=True)
class Words:
    """A text for people in both languages."""

    en: str
    ja: str


@dataclass(frozen=True, slots=True)
class ActionStep:
    """One typed command on the playbook's target."""

    id: str
    """CACAO step id."""
    name: Words
    description: Words
    command: Command
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Playbook:
    id: str
    """CACAO playbook id."""
    name: Words
    description: Words
    answers: Command
    """The proposed command that this playbook carries out."""
    variable: str
    """The external variable that is bound to the target, with its underscores."""
    steps: tuple[ActionStep, ...]
    """In the order in which they are done; each only when the one before succeeded."""
    valid_from: Nanos | None
    valid_until: Nanos | None

    def valid_at(self, now: Nanos) -> bool:
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )


def target_type(command: Command) -> EntityType:
    """The kind of entity that a command is done to."""
    return _TARGETS[command]


def parse_playbook(data: bytes | str, *, where: str) -> Playbook:
    """Read one playbook; ``where`` begins its error messages.

    Raises:
        PlaybookError: not a CACAO 2.0 playbook, broken in structure, or outside the subset.
        InputError: not JSON.
    """
    return _Reader(parse_object(data, what=where), where).playbook()


def load_playbooks(folder: Traversable | None = None) -> tuple[Playbook, ...]:
    """The playbooks of a folder of ``*.json`` files, the shipped ones by default; at most one answers each command.

    Raises:
        PlaybookError: one of them is unusable, or two answer the same command.
        InputError: the folder cannot be read.
    """
    folder = folder or files("sakimori") / "content" / "playbooks"
    try:
        sources = sorted((item for item in folder.iterdir() if item.name.endswith(".json")), key=lambda i: i.name)
        playbooks = [parse_playbook(source.read_bytes(), where=source.name) for source in sources]
    except OSError as error:
        raise InputError(f"{folder}: the playbooks cannot be read: {error.strerror}") from error
    answered: dict[Command, Playbook] = {}
    for playbook in playbooks:
        first = answered.setdefault(playbook.answers, playbook)
        if first is not playbook:
            raise PlaybookError(str(folder), [f"{first.id} and {playbook.id} both answer {playbook.answers}"])
    return tuple(playbooks)


class _Reader:
    """Walks one playbook, collecting what is wrong with it."""

    def __init__(self, plain: dict[str, Any], where: str) -> None:
        self._plain = plain
        self._where = where
        self._problems: list[str] = []

    def playbook(self) -> Playbook:
        plain = self._plain
        if plain.get("type") != "playbook" or plain.get("spec_version") != "cacao-2.0":
            raise PlaybookError(
                self._where, ["not a CACAO 2.0 playbook: expected type 'playbook', spec_version 'cacao-2.0'"]
            )
        playbook_id = str(plain.get("id"))
        if not _PLAYBOOK_ID.fullmatch(playbook_id):
            self._problems.append(f"id '{playbook_id}' is not playbook--<UUID>")
        if plain.get("revoked"):
            self._problems.append("the playbook is revoked")
        if "signatures" in plain:
            self._problems.append("signed playbooks cannot be verified by this version")
        self._check_agents()
        workflow = self._workflow()
        self._check_references(workflow)
        self._stop_on_problems()
        chain = self._chain(workflow)
        self._stop_on_problems()
        extension = self._extension(plain.get("playbook_extensions"), "the playbook")
        steps = [self._action(step_id, workflow[step_id]) for step_id in chain]
        answers = self._command(extension.get("answers_proposal"), "the playbook", "answers_proposal")
        variables = {variable for _, variable in steps}
        self._check_variables(variables, answers, [step for step, _ in steps])
        valid_from, valid_until = self._time("valid_from"), self._time("valid_until")
        self._stop_on_problems()
        return Playbook(
            id=playbook_id,
            name=Words(str(plain.get("name", "")), str(extension["name_ja"])),
            description=Words(str(plain.get("description", "")), str(extension["description_ja"])),
            answers=answers,
            variable=variables.pop(),
            steps=tuple(step for step, _ in steps),
            valid_from=valid_from,
            valid_until=valid_until,
        )

    def _stop_on_problems(self) -> None:
        if self._problems:
            raise PlaybookError(self._where, self._problems)

    def _object(self, value: object, what: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
        self._problems.append(f"{what} is not an object")
        return {}

    def _time(self, member: str) -> Nanos | None:
        if member not in self._plain:
            return None
        try:
            return parse_rfc3339(str(self._plain[member]))
        except ValueError:
            self._problems.append(f"{member} '{self._plain[member]}' is no time")
            return None

    def _check_agents(self) -> None:
        for agent_id, agent in self._object(self._plain.get("agent_definitions", {}), "agent_definitions").items():
            match = _STEP_ID.fullmatch(agent_id)
            kind = self._object(agent, f"agent {agent_id}").get("type")
            if not match or match[1] != kind:
                self._problems.append(f"agent {agent_id} has type '{kind}'")

    def _workflow(self) -> dict[str, dict[str, Any]]:
        workflow: dict[str, dict[str, Any]] = {}
        for step_id, value in self._object(self._plain.get("workflow"), "workflow").items():
            step = workflow[step_id] = self._object(value, f"step {step_id}")
            kind = step.get("type")
            for member in ("on_completion", "on_success", "on_failure", "agent"):
                if not isinstance(step.get(member, ""), str):
                    self._problems.append(f"step {step_id}: {member} is no id")
                    step[member] = str(step[member])
            match = _STEP_ID.fullmatch(step_id)
            if not match or match[1] != kind:
                self._problems.append(f"step {step_id} has type '{kind}', which is not what its id says")
            elif kind not in ("start", "action", "end"):
                self._problems.append(
                    f"step {step_id}: steps of type '{kind}' are not supported; use start, action, end"
                )
            else:
                for member in sorted(set(step) - (_ACTION_MEMBERS if kind == "action" else _STEP_MEMBERS)):
                    self._problems.append(f"step {step_id}: '{member}' is not supported")
        return workflow

    def _check_references(self, workflow: dict[str, dict[str, Any]]) -> None:
        start, exception = str(self._plain.get("workflow_start")), self._exception()
        if start not in workflow:
            self._problems.append(f"workflow_start names {start}, which does not exist")
        elif workflow[start].get("type") != "start":
            self._problems.append(f"workflow_start names {start}, which is no start step")
        if exception is not None and exception not in workflow:
            self._problems.append(f"workflow_exception names {exception}, which does not exist")
        elif exception is not None and workflow[exception].get("type") != "end":
            self._problems.append(f"workflow_exception names {exception}, which is no end step")
        agents = self._plain.get("agent_definitions", {})
        for step_id, step in workflow.items():
            for member in ("on_completion", "on_success", "on_failure"):
                if member in step and step[member] not in workflow:
                    self._problems.append(f"step {step_id}: {member} names {step[member]}, which does not exist")
            if "on_completion" in step and ("on_success" in step or "on_failure" in step):
                self._problems.append(f"step {step_id}: on_completion excludes on_success and on_failure")
            if step.get("type") == "action" and isinstance(agents, dict) and step.get("agent") not in agents:
                self._problems.append(f"step {step_id}: agent {step.get('agent')} is not defined")
            failure = workflow.get(step.get("on_failure", ""))
            if failure is not None and failure.get("type") != "end":
                self._problems.append(f"step {step_id}: on_failure may only name an end step")

    def _exception(self) -> str | None:
        exception = self._plain.get("workflow_exception")
        return None if exception is None else str(exception)

    def _chain(self, workflow: dict[str, dict[str, Any]]) -> list[str]:
        """Ids of the action steps from start to end; every other step must be an end that some step names."""
        reached: list[str] = []
        ends = {self._exception()}
        current: str | None = self._plain["workflow_start"]
        while current is not None and workflow[current]["type"] != "end":
            if current in reached:
                self._problems.append(f"step {current}: the workflow comes back to it")
                return []
            reached.append(current)
            step = workflow[current]
            ends.add(step.get("on_failure"))
            following = step.get("on_completion", step.get("on_success"))
            if following is None:
                self._problems.append(f"step {current}: no step follows it; name an end step")
            current = following
        ends.add(current)
        for step_id in workflow:
            if step_id not in reached and step_id not in ends:
                self._problems.append(f"step {step_id} cannot be reached")
        actions = reached[1:]
        if not actions and not self._problems:
            self._problems.append("the workflow holds no action step")
        return actions

    def _extension(self, extensions: object, what: str) -> dict[str, Any]:
        held = self._object(extensions or {}, f"{what}: extensions")
        for unknown in sorted(set(held) - {EXTENSION}):
            self._problems.append(f"{what}: extension {unknown} is not supported")
        extension = self._object(held.get(EXTENSION, {}), f"{what}: extension")
        for member in ("name_ja", "description_ja"):
            if not isinstance(extension.get(member), str):
                self._problems.append(f"{what} lacks {member} in {EXTENSION}")
        return extension

    def _command(self, value: object, what: str, member: str) -> Command:
        try:
            return Command(str(value))
        except ValueError:
            self._problems.append(f"{what}: {member} '{value}' is none of {', '.join(Command)}")
            return Command.ISOLATE_HOST  # never returned to a caller: the problem stops the reading

    def _action(self, step_id: str, step: dict[str, Any]) -> tuple[ActionStep, str]:
        what = f"step {step_id}"
        extension = self._extension(step.get("step_extensions"), what)
        timeout = step.get("timeout", DEFAULT_TIMEOUT_S * 1000)
        if not isinstance(timeout, int | float) or not 0 < timeout <= 600_000:
            self._problems.append(f"{what}: timeout must be 1 to 600000 milliseconds")
            timeout = 0
        action = ActionStep(
            id=step_id,
            name=Words(str(step.get("name", "")), str(extension.get("name_ja"))),
            description=Words(str(step.get("description", "")), str(extension.get("description_ja"))),
            command=self._command(extension.get("typed_command"), what, "typed_command"),
            timeout_s=timeout / 1000,
        )
        return action, str(extension.get("target_variable"))

    def _check_variables(self, used: set[str], answers: Command, steps: list[ActionStep]) -> None:
        declared = self._object(self._plain.get("playbook_variables", {}), "playbook_variables")
        for name in sorted(used | set(declared)):
            variable = self._object(declared.get(name, {}), f"variable {name}")
            if name not in declared:
                self._problems.append(f"variable {name} is not declared in playbook_variables")
            elif name not in used:
                self._problems.append(f"variable {name} is never used as a target")
            elif not variable.get("external"):
                self._problems.append(f"variable {name} must be external: it is bound to the target")
        if len(used) > 1:
            self._problems.append("one playbook has one target; split it")
        for step in steps:
            if target_type(step.command) is not target_type(answers):
                self._problems.append(f"step {step.id}: {step.command} cannot be done to the target of {answers}")
