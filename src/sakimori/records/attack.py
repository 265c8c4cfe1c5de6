"""MITRE ATT&CK (enterprise): its tactics, and how texts of other products name tactics and techniques.

Source: https://attack.mitre.org/tactics/enterprise/.
"""

import re

TACTICS = {
    "reconnaissance": ("TA0043", "Reconnaissance"),
    "resource-development": ("TA0042", "Resource Development"),
    "initial-access": ("TA0001", "Initial Access"),
    "execution": ("TA0002", "Execution"),
    "persistence": ("TA0003", "Persistence"),
    "privilege-escalation": ("TA0004", "Privilege Escalation"),
    "defense-evasion": ("TA0005", "Defense Evasion"),
    "stealth": ("", "Stealth"),
    "defense-impairment": ("", "Defense Impairment"),
    "credential-access": ("TA0006", "Credential Access"),
    "discovery": ("TA0007", "Discovery"),
    "lateral-movement": ("TA0008", "Lateral Movement"),
    "collection": ("TA0009", "Collection"),
    "command-and-control": ("TA0011", "Command and Control"),
    "exfiltration": ("TA0010", "Exfiltration"),
    "impact": ("TA0040", "Impact"),
}
"""Short name to id and name. The two that ATT&CK 19 made of Defense Evasion have no id here."""
_SHORT = {short.replace("-", ""): short for short in TACTICS} | {
    identifier.lower(): short for short, (identifier, _) in TACTICS.items() if identifier
}
_NO_LETTER = re.compile(r"[^a-z0-9]")
_TECHNIQUE = re.compile(r"\s*(T\d{4}(?:\.\d{3})?)\s*\Z", re.IGNORECASE | re.ASCII)
_LONGEST = 64


def tactic_named(text: str) -> str | None:
    """The short name of the tactic that an id or name means, however it is written: ``TA0008``, ``LateralMovement``.

    None for what is no tactic of ATT&CK, such as a vendor's own.
    """
    return _SHORT.get(_NO_LETTER.sub("", text.lower())) if len(text) <= _LONGEST else None


def technique_id(text: str) -> str | None:
    """``T1021.002`` for that id in any case; None for anything else, such as a vendor's own technique."""
    found = _TECHNIQUE.match(text) if len(text) <= _LONGEST else None
    return found[1].upper() if found else None
