"""Records of web servers and proxies in the W3C Extended Log File Format (see ``readers.w3c``), by its field names.

Known by two of the names that Sigma's categories ``webserver`` and ``proxy`` took from it. ``date`` and ``time``: UTC.
"""

from sakimori.collect.shapes import Fields, Shaped
from sakimori.collect.times import time_of

_NAMES = ("c-ip", "cs-method", "cs-uri", "cs-uri-stem", "cs-host", "sc-status", "s-ip", "cs-username")
_AGENT = "cs(User-Agent)"


def recognises(record: Fields) -> bool:
    return sum([name in record for name in _NAMES]) >= 2


def shaped(record: Fields) -> Shaped:
    agent = record.get(_AGENT)
    if isinstance(agent, str) and " " not in agent:
        record[_AGENT] = agent.replace("+", " ")  # as IIS writes spaces
    return Shaped(("w3c", "access", ""), time_of(f"{record.get('date')}T{record.get('time')}Z"), record)
