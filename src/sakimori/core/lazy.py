"""Packages whose names load the modules that they come from when they are first asked for (PEP 562).

For rooms of which a program needs a part: a gateway should not load what reads logs, nor `sakimori ledger` what finds
attacks in them.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def exports(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """``__getattr__`` of a package.

    Args:
        package: its ``__name__``.
        modules: names to load, by the module within the package that has them.
    """
    places = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> object:
        """Raises AttributeError where the package has no such name."""
        if name not in places:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        found = getattr(import_module(f"{package}.{places[name]}"), name)
        setattr(sys.modules[package], name, found)  # it is not asked again
        return found

    return find
