"""CACAO 2.0: what the standard's own schemas accept, and what we can carry out."""

import json
from collections.abc import Callable
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry
from referencing.jsonschema import DRAFT7

from sakimori.core import InputError
from sakimori.records import Command, EntityType
from sakimori.respond import PlaybookError, load_playbooks, parse_playbook
from sakimori.respond.playbook import EXTENSION, target_type

SHIPPED = {
    item.name: item.read_text(encoding="utf-8")
    for item in (files("sakimori") / "content" / "playbooks").iterdir()
    if item.name.endswith(".json")
}
ISOLATE: dict[str, Any] = json.loads(SHIPPED["isolate-host.json"])
ACTION = next(name for name in ISOLATE["workflow"] if name.startswith("action"))
START = ISOLATE["workflow_start"]
FAILURE = ISOLATE["workflow_exception"]
Edit = Callable[[dict[str, Any]], object]


Check = Callable[[str, object], None]


@pytest.fixture(scope="module")
def check(shared: Path) -> Check:
    """Validates against one of the standard's schemas; they declare draft-07 and refer to each other by their ids."""
    folder = shared / "standards" / "cacao" / "schemas"
    schemas: dict[str, Any] = {}
    for path in folder.rglob("*.json"):
        contents = json.loads(path.read_text(encoding="utf-8"))
        schemas[contents["$id"]] = contents
    pairs: list[tuple[str, Any]] = [(name, DRAFT7.create_resource(contents)) for name, contents in schemas.items()]
    registry = cast("Any", Registry)().with_resources(pairs)

    def validate(name: str, plain: object) -> None:
        contents = next(item for key, item in schemas.items() if key.endswith(f"/schemas/{name}.json"))
        cast("Any", jsonschema.Draft7Validator(contents, registry=registry)).validate(plain)

    return validate


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_shipped_playbooks_are_valid_cacao(check: Check, name: str) -> None:
    plain = json.loads(SHIPPED[name])
    check("playbook", plain)
    for step in plain["workflow"].values():
        check(f"workflows/{step['type']}", step)
        for command in step.get("commands", []):
            check("commands/manual", command)
    for agent in plain["agent_definitions"].values():
        check("agent-target/security-category", agent)
    for variable in plain["playbook_variables"].values():
        check("data-types/variable", variable)
    for extension in plain["extension_definitions"].values():
        check("extension-definition/extension-definition", extension)


def test_the_standards_schemas_refuse_what_is_no_playbook(check: Check) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check("playbook", json.loads(edited(drop("workflow_start"))))


def test_the_shipped_playbooks_answer_what_investigators_may_propose() -> None:
    playbooks = {playbook.answers: playbook for playbook in load_playbooks()}
    assert set(playbooks) == {Command.ISOLATE_HOST, Command.DISABLE_ACCOUNT}
    isolate = playbooks[Command.ISOLATE_HOST]
    assert [step.command for step in isolate.steps] == [Command.ISOLATE_HOST]
    assert (isolate.name.en, isolate.name.ja) == ("Isolate host", "ホストの隔離")
    assert isolate.variable == "__target_host__"
    assert target_type(Command.ENABLE_ACCOUNT) is EntityType.USER


def edited(edit: Edit) -> str:
    plain = deepcopy(ISOLATE)
    edit(plain)
    return json.dumps(plain)


def set_in(*path: str, to: object) -> Edit:
    def edit(plain: dict[str, Any]) -> None:
        for key in path[:-1]:
            plain = plain[key]
        plain[path[-1]] = to

    return edit


def drop(*path: str) -> Edit:
    def edit(plain: dict[str, Any]) -> None:
        for key in path[:-1]:
            plain = plain[key]
        del plain[path[-1]]

    return edit


OTHER = "end--00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (set_in("spec_version", to="cacao-1.1"), "not a CACAO 2.0 playbook"),
        (set_in("id", to="playbook--1"), "id 'playbook--1' is not playbook--<UUID>"),
        (set_in("revoked", to=True), "the playbook is revoked"),
        (set_in("signatures", to=[]), "signed playbooks cannot be verified"),
        (drop("workflow"), "workflow is not an object"),
        (set_in("workflow_start", to=OTHER), f"workflow_start names {OTHER}, which does not exist"),
        (set_in("workflow_start", to=ACTION), f"workflow_start names {ACTION}, which is no start step"),
        (set_in("workflow_exception", to=ACTION), f"workflow_exception names {ACTION}, which is no end step"),
        (set_in("workflow", ACTION, "on_success", to=OTHER), f"step {ACTION}: on_success names {OTHER}"),
        (set_in("workflow", ACTION, "on_success", to=ACTION), f"step {ACTION}: the workflow comes back to it"),
        (set_in("workflow", ACTION, "on_failure", to=ACTION), f"step {ACTION}: on_failure may only name an end step"),
        (drop("workflow", ACTION, "on_success"), f"step {ACTION}: no step follows it"),
        (set_in("workflow", ACTION, "on_completion", to=FAILURE), f"step {ACTION}: on_completion excludes"),
        (set_in("workflow", OTHER, to={"type": "end"}), f"step {OTHER} cannot be reached"),
        (set_in("workflow", START, "on_completion", to=FAILURE), f"step {ACTION} cannot be reached"),
        (set_in("workflow", OTHER, to={"type": "action"}), f"step {OTHER} has type 'action', which is not"),
        (set_in("workflow", ACTION, "delay", to=5), f"step {ACTION}: 'delay' is not supported"),
        (set_in("workflow", ACTION, "agent", to=OTHER), f"step {ACTION}: agent {OTHER} is not defined"),
        (set_in("workflow", ACTION, "timeout", to=0), f"step {ACTION}: timeout must be"),
        (set_in("workflow", ACTION, "timeout", to="20"), f"step {ACTION}: timeout must be"),
        (drop("workflow", ACTION, "step_extensions"), f"step {ACTION} lacks name_ja"),
        (
            set_in("workflow", ACTION, "step_extensions", EXTENSION, "typed_command", to="format_disk"),
            f"step {ACTION}: typed_command 'format_disk' is none of",
        ),
        (
            set_in("workflow", ACTION, "step_extensions", EXTENSION, "typed_command", to="disable_account"),
            f"step {ACTION}: disable_account cannot be done to the target of isolate_host",
        ),
        (
            set_in("workflow", ACTION, "step_extensions", EXTENSION, "target_variable", to="__other__"),
            "variable __other__ is not declared",
        ),
        (
            set_in("playbook_variables", "__target_host__", "external", to=False),
            "variable __target_host__ must be external",
        ),
        (set_in("playbook_extensions", EXTENSION, "answers_proposal", to=None), "answers_proposal 'None' is none of"),
        (set_in("playbook_extensions", OTHER, to={}), f"extension {OTHER} is not supported"),
        (set_in("valid_until", to="tomorrow"), "valid_until 'tomorrow' is no time"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_naming_the_step(edit: Edit, said: str) -> None:
    with pytest.raises(PlaybookError) as raised:
        parse_playbook(edited(edit), where="my.json")
    assert said in str(raised.value)
    assert str(raised.value).startswith("my.json: ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("invalid_playbook.json", "agent http-api--7e9174ec-a293-43df-a72d-471c79e276bf has type 'invalid'"),
        (
            "missing_step_playbook.json",
            "step action--2190f685-1857-44ac-ad0e-0ded6c6ef3ce: on_completion names "
            "end--6b23c237-ade8-4d00-9aa1-75999738d558, which does not exist",
        ),
        (
            "parallels_playbook.json",
            "step parallel--a76dbc32-b739-427b-ae13-4ec703d5797e: steps of type 'parallel' are not supported",
        ),
        ("playbook.json", "workflow_exception names end--40131926-89e9-44df-a018-5f92f2df7914, which does not exist"),
    ],
)
def test_other_peoples_playbooks_say_what_is_wrong(shared: Path, name: str, said: str) -> None:
    text = (shared / "standards" / "cacao" / "playbooks" / name).read_bytes()
    with pytest.raises(PlaybookError) as raised:
        parse_playbook(text, where=name)
    assert said in raised.value.problems[0] or any(said in problem for problem in raised.value.problems)


def test_validity_is_kept_for_the_planner() -> None:
    edit = set_in("valid_until", to="2027-01-01T00:00:00Z")
    playbook = parse_playbook(edited(edit), where="x")
    assert playbook.valid_until is not None
    assert playbook.valid_at(playbook.valid_until - 1)
    assert not playbook.valid_at(playbook.valid_until)


def test_two_playbooks_for_one_command_are_refused(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(SHIPPED["isolate-host.json"], encoding="utf-8")
    with pytest.raises(PlaybookError, match="both answer isolate_host"):
        load_playbooks(tmp_path)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_playbooks(tmp_path / "nowhere")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([ACTION, START, FAILURE, "end", "action", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([ACTION, "type", "on_success"]), inner),
    max_leaves=8,
)
PATHS: list[list[str]] = []


def _walk(value: dict[str, Any], path: list[str]) -> None:
    for key, inner in value.items():
        PATHS.append([*path, key])
        if isinstance(inner, dict):
            _walk(cast("dict[str, Any]", inner), [*path, key])


_walk(ISOLATE, [])


@given(st.sampled_from(PATHS), JSON)
def test_however_a_playbook_is_broken_it_is_refused_or_read_and_nothing_else(path: list[str], value: object) -> None:
    try:
        playbook = parse_playbook(edited(set_in(*path, to=value)), where="x")
    except InputError:
        return
    assert playbook.steps
