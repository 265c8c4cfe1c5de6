from typing import Any

from sigma.conditions import SigmaCondition

class SigmaDetectionItem: ...

class SigmaDetection:
    def postprocess(self, detections: SigmaDetections, parent: Any = None, source: Any = None) -> Any: ...

class SigmaDetections:
    detections: dict[str, SigmaDetection]
    @property
    def parsed_condition(self) -> list[SigmaCondition]: ...
