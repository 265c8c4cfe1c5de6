from abc import ABC, abstractmethod
from typing import Protocol

class RegexPattern(Protocol): ...

class RegexEngine(ABC):
    @abstractmethod
    def compile(self, pattern: str, flags: int = 0) -> RegexPattern: ...
    @property
    @abstractmethod
    def error(self) -> type[Exception]: ...
