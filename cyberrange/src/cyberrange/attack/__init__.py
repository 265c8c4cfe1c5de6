"""The adversary: one ransomware crew. ``Crew`` plans and sees only replies; the rest is what its wishes do.

The crew's knowledge is what an intruder would have: names from the web, answers of its implants, credentials it
stole. It never reads the estate, so it can be misled, starved and locked out like a real one.
"""

from cyberrange.attack.crew import Crew
from cyberrange.attack.truth import CrewStep, Truth

__all__ = ["Crew", "CrewStep", "Truth"]
