"""Names in free text by models, and what else the boundary does to a call: restoring, dictionaries, conversations.

The models work as in a gateway: in worker processes, asked by the segment. Texts are those of ``boundary``.
"""

import os
import random
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.boundary import bank_dictionary
from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from sakimori.evals.banktexts import bank_texts
from sakimori.evals.boundary import Evaluation, Found, Labelled, read_labelled
from sakimori.evals.round_trip import play
from sakimori.gateway.boundary import (
    Boundary,
    Dictionary,
    KeyedList,
    KeyedLists,
    Kind,
    Passage,
    Recogniser,
    RecogniserSettings,
    installed_models,
)

_COMMAND = "make bench ONLY=running_text"
_BANK_TEXTS = 600
_CONVERSATIONS = 10_000
_LISTED = 1_000_000
_JAPANESE = "端末の利用者から問い合わせがあり、見覚えのない画面が表示されたとのことでした。担当は高橋が務めます。\n"


def run() -> list[Figure]:
    figures = [_restoring(), _listed(), _morphology(), _conversations()]
    if installed_models():
        figures += _with_models()
    return figures


def _restoring() -> Figure:
    """An answer in chunks of a few letters, as providers send them, with a token in every twelfth."""
    boundary = Boundary("bench", b"k" * 32, Dictionary(hosts=frozenset(f"pc-{n:04}" for n in range(250))))
    passage = Passage(boundary)
    tokens = [passage.tokenise(f"pc-{n:04}").text for n in range(250)]
    chance = random.Random(1)
    answer = "".join(f"The session on {chance.choice(tokens)} lasted much longer than usual. " for _ in range(500))
    chunks = [answer[start : start + 5] for start in range(0, len(answer), 5)]

    def restore() -> None:
        lane = passage.lane(json=False)
        for chunk in chunks:
            lane.feed(chunk)
        lane.flush()

    best = min(_cpu(restore) for _ in range(5))
    return Figure("restoration, one stream chunk", best / len(chunks) * 1e6, "µs of CPU", None, _COMMAND)


def _listed() -> Figure:
    made, _ = KeyedList.of(b"l" * 32, Kind.CUSTOMER, (f"KK-{number:07}" for number in range(_LISTED)))
    with_list = Boundary("bench", b"k" * 32, Dictionary(), lists=KeyedLists(b"l" * 32, [made]))
    without = Boundary("bench", b"k" * 32, Dictionary())
    text = (_JAPANESE * 1000)[:2_000]
    cost = min(_cpu(lambda: with_list.find(text), times=50) for _ in range(3)) - min(
        _cpu(lambda: without.find(text), times=50) for _ in range(3)
    )
    beside = f"{len(made.to_bytes()) / 1e6:.0f} MB"
    return Figure("a million hashed customer numbers, one 2 kB prompt", cost * 1e3, "ms more", beside, _COMMAND)


def _morphology() -> Figure:
    boundary = Boundary("bench", b"k" * 32, Dictionary())
    text = (_JAPANESE * 1000)[:20_000]
    boundary.find(text, running_text=True)
    best = min(_cpu(lambda: boundary.find(text, running_text=True)) for _ in range(3))
    return Figure(
        "rules and running text without models, Japanese", len(text) / best / 1e3, "k characters/CPU-s", None, _COMMAND
    )


def _conversations() -> Figure:
    begin = time.process_time()
    tally = play(_CONVERSATIONS)
    beside = (
        f"{tally.wrong} of {tally.conversations} answers wrong, {tally.leaked} leaked, "
        f"{time.process_time() - begin:.0f} s of CPU"
    )
    return Figure("round trip: tokens repeated in played answers", tally.restorable, "tokens", beside, _COMMAND)


def _with_models() -> list[Figure]:
    folder = shared_folder() / "corpora/pii"
    sets = {
        "bank texts": list(bank_texts("evaluation", _BANK_TEXTS)),
        "pii-en": list(read_labelled(folder / "pii-en.json")),
        "ner-ja": list(read_labelled(folder / "ner-ja.json")),
    }
    workers = os.cpu_count() or 1
    # One after the other fills the workers' memory; a text may be as long as it is.
    recogniser = Recogniser(RecogniserSettings(models=installed_models(), workers=workers, timeout=600))
    boundary = Boundary("bench", b"k" * 32, bank_dictionary(), recogniser=recogniser)
    figures: list[Figure] = []
    begin, characters = time.monotonic(), 0
    try:
        boundary.tokenise("田中角平が来た。")
        for name, texts in sets.items():
            evaluation = _evaluated(texts, boundary, at_once=workers)
            beside = f"recall {evaluation.recall:.3f}, precision {evaluation.precision:.3f}"
            figures.append(
                Figure(
                    f"{name}: leaked, with models",
                    evaluation.leaked * 100,
                    "% of identifier characters",
                    beside,
                    _COMMAND,
                )
            )
            characters += sum(len(labelled.text) for labelled in texts)
    finally:
        elapsed = time.monotonic() - begin
        recogniser.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    beside = f"{workers} workers, {characters / elapsed:.0f} characters per second, {used.ru_maxrss / 1024:.0f} MB each"
    speed = characters / (used.ru_utime + used.ru_stime)
    return [*figures, Figure("models, all languages", speed, "characters per CPU-second", beside, _COMMAND)]


def _evaluated(texts: Sequence[Labelled], boundary: Boundary, *, at_once: int) -> Evaluation:
    def find(labelled: Labelled) -> list[Found]:
        return [(s.start, s.end, s.kind.value) for s in boundary.find(labelled.text, running_text=True)[1]]

    evaluation = Evaluation()
    with ThreadPoolExecutor(at_once) as threads:
        for labelled, found in zip(texts, threads.map(find, texts), strict=True):
            evaluation.add(labelled, found)
    return evaluation


def _cpu(function: Callable[[], object], *, times: int = 1) -> float:
    begin = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - begin) / times
