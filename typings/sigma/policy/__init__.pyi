from dataclasses import dataclass

from sigma.policy.regex_engine import RegexEngine

@dataclass
class SigmaPolicy:
    regex_engine: RegexEngine = ...
