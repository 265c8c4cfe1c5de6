"""Tickets of a helpdesk, as the drill's bank and any exporter may write them. Known by ``log`` = ``helpdesk``."""

from sakimori.collect.shapes import Fields, Shaped, text_of
from sakimori.collect.times import time_of


def recognises(record: Fields) -> bool:
    return record.get("log") == "helpdesk"


def shaped(record: Fields) -> Shaped:
    kind = ("helpdesk", "tickets", text_of(record.get("type", "")))
    return Shaped(kind, time_of(record.get("@timestamp")), record)
