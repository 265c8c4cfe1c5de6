import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import cast

from sakimori.evals.banktexts import bank_texts
from sakimori.gateway.boundary import detectors
from sakimori.gateway.boundary.detectors.gates import Gate
from sakimori.gateway.boundary.detectors.numerals import with_digits
from sakimori.gateway.boundary.fold import fold


def _gates() -> Iterator[tuple[str, Gate]]:
    for module in pkgutil.iter_modules(detectors.__path__, f"{detectors.__name__}."):
        for name, value in vars(import_module(module.name)).items():
            yield from ((f"{module.name}.{name}", gate) for gate in _flat(value))


def _flat(value: object) -> Iterator[Gate]:
    if isinstance(value, Gate):
        yield value
    elif isinstance(value, tuple):
        for part in cast("tuple[object, ...]", value):
            yield from _flat(part)


def test_a_gate_is_open_wherever_its_pattern_matches() -> None:
    gates = list(_gates())
    assert len(gates) > 50
    matched = 0
    for labelled in bank_texts("evaluation", 90):
        folded = fold(labelled.text)
        for view in (folded.text, folded.cased, with_digits(folded.text)):
            for name, gate in gates:
                if gate.pattern.search(view):
                    matched += 1
                    assert gate.may_match(view), (name, view)
    assert matched
