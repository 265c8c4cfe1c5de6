"""This crew's habits: the tools, names and command lines that the seed gives it (data/tradecraft.json)."""

import random
from typing import Any

from cyberrange.data import load
from cyberrange.machine import Program


class Tradecraft:
    """Choices made once per crew are attributes; those made afresh each time are methods."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._data: dict[str, Any] = load("tradecraft")
        self._word = rng.choice(self._data["words"])
        self._hex = f"{rng.getrandbits(28):07x}"
        self.domain = self.fill(rng.choice(self._data["domains"]))
        self.address = f"203.0.113.{rng.randrange(10, 240)}"
        self.relay_address = f"203.0.113.{rng.randrange(10, 240)}"
        self.exfiltration_address = f"203.0.113.{rng.randrange(10, 240)}"
        self.vpn_client = rng.randrange(100, 240)
        self.computer = self.fill(rng.choice(self._data["computers"])).upper()
        tool = rng.choice(self._data["remote_tools"])
        self.relay: str = self.fill(tool["domain"])
        self.tool_arguments: str = self.fill(tool["arguments"])
        self.remote_tool = Program(
            f"{tool['folder']}\\{tool['file']}",
            *(tool[key] for key in ("original", "description", "product", "company", "version")),
        )
        self.folder: str = rng.choice(self._data["places"])
        name: str = rng.choice(self._data["adfind_names"])
        self.adfind = Program(f"{self.folder}\\{name}", "AdFind.exe", "-", "AdFind", "www.joeware.net", "1.57.0.0")
        self.encryptor = Program(f"{self.folder}\\{self.fill(rng.choice(self._data['encryptors']))}")
        self.encryptor_arguments = self.fill(rng.choice(self._data["encryptor_arguments"]))
        self.extension = self.fill(rng.choice(self._data["extensions"]))
        self.note_name = self.fill(rng.choice(self._data["notes"]))
        self.service_binary = f"{self.fill(rng.choice(['{w}', '{h}', 'wup{h}']))}.exe"
        self._manners: list[str] = rng.choice(
            [["service", "command"], ["service", "wmi"], ["command", "wmi"], ["service"]]
        )
        self.dumps_by = rng.choice(["comsvcs", "comsvcs", "comsvcs", "taskmgr"])

    def fill(self, text: str, **more: object) -> str:
        """Fill {w}, {W}, {h} with this crew's word and number, and whatever else is named."""
        return text.format_map({"w": self._word, "W": self._word.title(), "h": self._hex, "domain": "", **more})

    def pick(self, key: str, **more: object) -> str:
        """One of the variants under ``key``, filled."""
        return self.fill(self._rng.choice(self._data[key]), **more)

    def command(self, key: str) -> tuple[str, str]:
        """One (program, arguments) under ``key``."""
        name, arguments = self._rng.choice(self._data[key])
        return name, arguments

    def discovery(self, subject: str, domain: str) -> list[tuple[str, str]]:
        """Two or three commands that tell about ``self``, ``admins`` or ``domain``."""
        variants: list[list[str]] = self._data["discovery"][subject]
        chosen = self._rng.sample(variants, min(len(variants), self._rng.randrange(2, 4)))
        return [(name, self.fill(arguments, domain=domain)) for name, arguments in chosen]

    def exfiltration(self, share: str) -> tuple[Program, str]:
        name, arguments = self._rng.choice(self._data["exfiltration"])
        tool = Program(
            f"{self.folder}\\{self.fill(name)}",
            "rclone.exe",
            "Rsync for cloud storage",
            "Rclone",
            "https://rclone.org",
            "1.66.0",
        )
        return tool, self.fill(arguments, share=share)

    def manner(self) -> str:
        """How to run a program on another host: ``service``, ``command`` or ``wmi``."""
        return self._rng.choice(self._manners)

    def blocked(self, manner: str) -> bool:
        """Note that the network blocks WMI; true where there is another manner to try instead."""
        if manner == "wmi" and len(self._manners) > 1:
            self._manners = [other for other in self._manners if other != "wmi"]
            return True
        return False

    def shuffled(self, keys: list[str]) -> list[str]:
        return self._rng.sample(keys, len(keys))
