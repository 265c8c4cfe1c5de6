"""Investigation: an incident with its evidence in, a verdict with proved claims out.

``OfflineInvestigator`` uses no model. ``ModelInvestigator`` (in ``investigate.model``; imports the model libraries only
when it works) talks HTTP to a gateway and nothing else. Either way software checks every citation and decides
disposition, severity and route; what was not proved is dropped and shown as dropped. ``prompt(case)`` is exactly what a
model is sent about a case.
"""

from sakimori.investigate.case import Case, EvidenceEvent, EvidencePort, NoFurtherEvidence
from sakimori.investigate.investigator import InvestigationFailed, Investigator
from sakimori.investigate.model import ModelInvestigator, ModelLimits
from sakimori.investigate.offline import OfflineInvestigator
from sakimori.investigate.prompt import prompt

__all__ = [
    "Case",
    "EvidenceEvent",
    "EvidencePort",
    "InvestigationFailed",
    "Investigator",
    "ModelInvestigator",
    "ModelLimits",
    "NoFurtherEvidence",
    "OfflineInvestigator",
    "prompt",
]
