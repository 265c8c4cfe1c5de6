"""What leaves in clear, and how fast the boundary reads.

Labelled texts: the two public corpora and our own bank texts (the part that rules are not tuned on). Beside it Presidio
with GiNZA, in an environment of its own: ``PRESIDIO_PYTHON`` names its interpreter (pip install presidio-analyzer
ginza ja-ginza); without it, its column stays empty. The bank's dictionary holds its own hosts and accounts, as an
institution's inventory gives them; no person or customer is in it.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from sakimori.evals.banktexts import bank_texts
from sakimori.evals.banktexts.values import pools
from sakimori.evals.boundary import Evaluation, Found, Labelled, evaluate, read_labelled
from sakimori.evals.unseen import unseen_texts
from sakimori.gateway.boundary import Boundary, Dictionary, Passage
from sakimori.service import memory

_COMMAND = "make bench ONLY=boundary"
_BANK_TEXTS = 1200
_PROMPT = 2_000
_ROUNDS = 4
_SHIFT = 37
"""Code points by which letters are cut elsewhere: texts that come again are known."""
_LOG_LINE = (
    "2026-11-22T01:02:03Z pc-{n:04}.bank.example EventID=4624 LogonType=3 TargetUserName=user{m:03} "
    "IpAddress=10.20.{m}.17 ProcessName=C:\\Windows\\System32\\svchost.exe the session lasted longer than usual\n"
)
_REPORT = (
    "端末pc-{n:04}の利用者user{m:03}から{0}{1}の問い合わせがあり、見覚えのない{2}{0}画面が表示されたとのことでした。"
    "宛先は10.20.{m}.17です。{1}{2}の件数はふだんより多く、至急の確認が必要と考えられます。\n"
)
_WORDS = (
    *("取引", "口座", "振込", "照会", "資料", "報告", "送信", "受信", "障害", "復旧", "調査", "監視", "通信", "装置"),
    *("認証", "権限", "変更", "登録", "業務", "端末"),
)
_PREPARE = """
import sys, time
from pathlib import Path
from sakimori.gateway.boundary import keep_compiled_in, prepare
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
before, begin = resident(), time.process_time()
keep_compiled_in(Path(sys.argv[1]) / "cache")
prepare()
print(f"{time.process_time() - begin:.2f} {resident() - before:.0f}")
"""
_RULE_TYPES = frozenset(
    {
        "ACCOUNT",
        "AGE",
        "BANK_CODE",
        "BIC",
        "BIRTHDATE",
        "BRANCH_CODE",
        "CARD",
        "CORPORATE_NUMBER",
        "CUSTOMER_NUMBER",
        "DRIVER_LICENCE",
        "EMPLOYEE_NUMBER",
        "HEALTH_INSURANCE",
        "IBAN",
        "IMEI",
        "IP",
        "MAC",
        "MAIL",
        "MYNUMBER",
        "NINO",
        "PASSPORT",
        "PENSION",
        "PHONE",
        "PIN",
        "PLATE",
        "POLICY_NUMBER",
        "POSITION",
        "POSTCODE",
        "RESIDENCE_CARD",
        "SECRET",
        "SSN",
        "WALLET",
    }
)
_OF_OTHERS = (
    *("fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth"),
)
_KINDS_OF_NAMES = frozenset(
    {"PERSON", "ORG", "PLACE", "NAME", "TITLE", "NATIONALITY", "DATE", "HOST", "USER", "DOMAIN"}
)


def run() -> list[Figure]:
    folder = shared_folder() / "corpora/pii"
    sets = {
        "pii-en": list(read_labelled(folder / "pii-en.json")),
        "ner-ja": list(read_labelled(folder / "ner-ja.json")),
        "bank texts": list(bank_texts("evaluation", _BANK_TEXTS)),
    }
    boundary = Boundary("bench", b"k" * 32, bank_dictionary())
    figures: list[Figure] = []
    for name, texts in sets.items():
        rules = evaluate(texts, _finder(boundary, running_text=False))
        running = evaluate(texts, _finder(boundary, running_text=True))
        theirs, together = _presidio(texts, _finder(boundary, running_text=False))
        figures.append(_share(f"{name}: leaked, rules and dictionary", rules, theirs, together))
        figures.append(_share(f"{name}: leaked, with morphology of running text", running, None, None))
        if name == "bank texts":
            figures += _rule_types(rules)
        _print_types(name, rules, running)
    figures += _by_others()
    return figures + _speed(boundary, sets)


def _by_others() -> list[Figure]:
    """What leaves of texts by people who did not know the rules: with no dictionary, and with an inventory's.

    Rules learned from all of these but the last.
    """
    figures: list[Figure] = []
    for name in _OF_OTHERS:
        texts = list(unseen_texts(name))
        boundary = Boundary("bench", b"k" * 32, Dictionary())
        rules = evaluate(texts, _finder(boundary, running_text=False))
        running = evaluate(texts, _finder(boundary, running_text=True))
        known = Boundary("bench", b"k" * 32, _inventory_of(texts))
        listed = evaluate(texts, _finder(known, running_text=False))
        listed_running = evaluate(texts, _finder(known, running_text=True))
        beside = (
            f"with morphology {running.leaked:.1%} (precision {running.precision:.2f}); hosts and users of the "
            f"inventory known: {listed.leaked:.1%}, with morphology {listed_running.leaked:.1%}"
        )
        figures.append(Figure(f"{name} texts of others: leaked, rules", rules.leaked * 100, "%", beside, _COMMAND))
    return figures


def _inventory_of(texts: Sequence[Labelled]) -> Dictionary:
    """What the inventory of the bank in the texts would hold."""
    said = {kind: {t.text[a:b] for t in texts for a, b, what in t.spans if what == kind} for kind in ("host", "user")}
    return Dictionary(hosts=frozenset(said["host"]), users=frozenset(said["user"]))


def bank_dictionary() -> Dictionary:
    """Of the bank in the bank texts: its hosts and accounts."""
    names = pools("evaluation")
    hosts = {form.replace("#", str(number)) for form in str(names["hosts"]).split() for number in range(10, 1000)}
    return Dictionary(hosts=frozenset(hosts), users=frozenset(str(names["users"]).split()))


def _finder(boundary: Boundary, *, running_text: bool) -> Callable[[str], Sequence[Found]]:
    def find(text: str) -> list[Found]:
        return [(s.start, s.end, s.kind.value) for s in boundary.find(text, running_text=running_text)[1]]

    return find


def _share(name: str, ours: Evaluation, theirs: Evaluation | None, together: Evaluation | None) -> Figure:
    beside = f"recall {ours.recall:.3f}, precision {ours.precision:.3f}"
    for who, other in (("Presidio with GiNZA", theirs), ("with our rules added", together)):
        if other:
            beside += f"; {who} {other.leaked:.1%}, {other.recall:.3f}, {other.precision:.3f}"
    return Figure(name, ours.leaked * 100, "% of identifier characters", beside, _COMMAND)


def _rule_types(evaluation: Evaluation) -> list[Figure]:
    scores = [score for what, score in evaluation.types.items() if what in _RULE_TYPES]
    recall = sum(score.whole for score in scores) / sum(score.spans for score in scores)
    kinds = [kind for kind in evaluation.claims if kind not in _KINDS_OF_NAMES]
    precision = sum(evaluation.right[kind] for kind in kinds) / sum(evaluation.claims[kind] for kind in kinds)
    beside = f"precision of their kinds {precision:.3f}; {len(scores)} types"
    return [Figure("bank texts: recall of rule types, whole spans", recall, "", beside, _COMMAND)]


def _print_types(name: str, rules: Evaluation, running: Evaluation) -> None:
    print(f"\n{name}: by type, rules and dictionary / with morphology", file=sys.stderr)
    for what, score in sorted(rules.types.items()):
        more = running.types[what]
        print(
            f"  {what:18} {score.spans:5} spans, whole {score.recall:.3f} / {more.recall:.3f}, "
            f"touched {score.overlap_recall:.3f} / {more.overlap_recall:.3f}, "
            f"leaked {score.leaked:.1%} / {more.leaked:.1%}",
            file=sys.stderr,
        )


def _speed(boundary: Boundary, sets: dict[str, list[Labelled]]) -> list[Figure]:
    """Over texts of a prompt's size, of which none comes twice: letters four times, cut elsewhere each time, so that
    all but the first have known words; log lines and reports of which each is another, every time."""
    letters = {
        "ASCII letters": "\n".join(labelled.text for labelled in sets["bank texts"] if labelled.text.isascii()),
        "Japanese articles": "\n".join(labelled.text for labelled in sets["ner-ja"]),
        "Japanese bank texts": "\n".join(
            labelled.text for labelled in sets["bank texts"] if not labelled.text.isascii()
        ),
    }
    rounds = {name: [_prompts(text[_SHIFT * n :][:100_000]) for n in range(_ROUNDS)] for name, text in letters.items()}
    for name, line in (("ASCII log lines", _LOG_LINE), ("Japanese reports", _REPORT)):
        rounds[name] = [_prompts(_lines(line, 40_000, seed)) for seed in range(_ROUNDS)]
    boundary.find("名 Name 1")
    memory.settle()  # as a gateway does once it has started
    figures: list[Figure] = []
    for name, texts in rounds.items():
        characters = sum(map(len, texts[0]))
        seconds = [_cpu(lambda prompts=prompts: _tokenise(boundary, prompts)) for prompts in texts]
        best = min(seconds[1:])
        beside = f"the first time {characters / seconds[0] / 1e6:.2f}"
        speed = characters / best / 1e6
        figures.append(Figure(f"rules, {name}", speed, "M characters per CPU-second", beside, _COMMAND))
        figures.append(
            Figure(f"rules, one prompt of 2,000 characters, {name}", best / len(texts[0]) * 1e3, "ms", None, _COMMAND)
        )
    return [*figures, _request(boundary), _conversation(boundary), *_start()]


def _prompts(text: str) -> list[str]:
    return [text[start : start + _PROMPT] for start in range(0, len(text), _PROMPT)]


def _lines(line: str, characters: int, seed: int) -> str:
    chance = random.Random(seed)
    text = ""
    while len(text) < characters:
        words = [chance.choice(_WORDS) for _ in range(3)]
        text += line.format(*words, n=chance.randrange(10_000), m=chance.randrange(250))
    return text[:characters]


def _tokenise(boundary: Boundary, prompts: list[str]) -> None:
    for prompt in prompts:
        Passage(boundary).tokenise(prompt)


def _request(boundary: Boundary) -> Figure:
    """A call of an agent: its tools are those of the call before, its messages are new."""
    calls = [{"tools": _tools(), "messages": [_lines(_LOG_LINE, 300, seed)]} for seed in range(40)]
    best = min(_cpu(lambda call=call: Passage(boundary).send_value(call)) for call in calls)
    return Figure("rules, a request with 20 tools and a message of 300 characters", best * 1e3, "ms", None, _COMMAND)


def _conversation(boundary: Boundary) -> Figure:
    """Calls of an agent that send all earlier messages again, of which the last is new."""
    messages = [_lines(line, 1_000, seed) for seed in range(60) for line in (_LOG_LINE, _REPORT)]
    calls = [{"tools": _tools(), "messages": messages[n : n + 31]} for n in range(80)]
    seconds = [_cpu(lambda call=call: Passage(boundary).send_value(call)) for call in calls]
    name = "rules, a request with 20 tools and 31 messages of 1,000 characters, of which one is new"
    beside = f"all new {seconds[0] * 1e3:.1f}; 15 each of log lines and Japanese reports"
    return Figure(name, min(seconds) * 1e3, "ms", beside, _COMMAND)


def _tools() -> list[object]:
    return [
        {"name": f"look_up_{n}", "description": f"Returns records of kind {n}.", "limits": {"rows": n, "days": 30}}
        for n in range(20)
    ]


def _start() -> list[Figure]:
    """What a new process takes before its first text, with nothing kept and with what an earlier one kept."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for kept in ("nothing kept", "patterns kept"):
            done = subprocess.run([sys.executable, "-c", _PREPARE, folder], capture_output=True, text=True, check=True)
            seconds, megabytes = done.stdout.split()
            figures.append(Figure(f"preparing, {kept}", float(seconds), "s of CPU", f"{megabytes} MB more", _COMMAND))
    return figures


def _cpu(function: Callable[[], object]) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def _presidio(
    texts: list[Labelled], ours: Callable[[str], Sequence[Found]]
) -> tuple[Evaluation | None, Evaluation | None]:
    """Presidio as shipped with GiNZA, and the same with what our rules find added to it."""
    python = os.environ.get("PRESIDIO_PYTHON")
    if not python:
        return None, None
    script = Path(__file__).with_name("presidio_ginza.py")
    lines = "".join(json.dumps({"text": labelled.text}) + "\n" for labelled in texts)
    done = subprocess.run([python, str(script)], input=lines, capture_output=True, text=True, check=True)
    found: list[list[Found]] = [[(s, e, kind) for s, e, kind in json.loads(line)] for line in done.stdout.splitlines()]
    alone, added = iter(found), iter(found)
    return evaluate(texts, lambda _: next(alone)), evaluate(texts, lambda text: [*next(added), *ours(text)])
