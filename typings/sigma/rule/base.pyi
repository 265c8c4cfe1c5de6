from collections.abc import Hashable
from typing import Any

import yaml

class SigmaYAMLLoader(yaml.CSafeLoader):
    """Refuses duplicate keys."""

    def get_node(self) -> yaml.Node | None: ...
    def construct_document(self, node: yaml.Node) -> dict[Hashable, Any]: ...
