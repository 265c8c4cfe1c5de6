"""What the range is made of, as files: names, programs, network, the crew's and the staff's habits."""

import json
from functools import cache
from importlib import resources
from typing import Any, cast


@cache
def load(name: str) -> dict[str, Any]:
    """The JSON object in ``data/<name>.json``; shared, so treat it as read-only."""
    text = resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
