"""Windows events as the ``evtx`` library and its like write them. Known by ``Event``, which holds ``System``."""

from typing import Any, cast

from sakimori.collect.shapes import Fields, Numbers, Shaped, ShapeError, object_in, put, text_of
from sakimori.collect.times import time_of


def recognises(record: Fields) -> bool:
    return "Event" in record


def shaped(record: Fields) -> Shaped:
    event = object_in(record["Event"], "Event")
    system = object_in(event.get("System"), "Event.System")
    fields: Fields = {}
    time = None
    for name, value in system.items():
        if value.__class__ is not dict:
            if value is not None:
                fields[name] = value
            continue
        text, attributes = _element(cast("Fields", value))
        if text is not None:
            fields[name] = text
        if name == "TimeCreated":
            time = time_of(attributes.get("SystemTime"))
        elif name == "Security":
            fields.update(attributes)
        elif name != "EventID":  # its Qualifiers are half of an old-style status code: no rule asks for them
            for attribute, content in attributes.items():
                fields[f"{name}_{attribute}"] = content
    if "EventID" not in fields:
        raise ShapeError("Event.System has no EventID")
    last: Numbers = {}
    _add_event_data(fields, last, event.get("EventData"))
    user_data = event.get("UserData")
    if user_data.__class__ is dict:
        for content in cast("Fields", user_data).values():
            if content.__class__ is dict:
                _add_event_data(fields, last, content)
    kind = ("windows", text_of(fields.get("Channel", "")), text_of(fields["EventID"]))
    return Shaped(kind, time, fields)


def _add_event_data(fields: Fields, last: Numbers, data: Any) -> None:
    """Put named data under their own names; an element's attributes as ``Element_Attribute``."""
    if data.__class__ is not dict:
        if data is not None:
            put(fields, last, "Data", data)
        return
    for name, value in cast("Fields", data).items():
        if name == "#attributes":
            continue  # the name space, and the name of the schema
        if value.__class__ is dict:
            text, attributes = _element(cast("Fields", value))
            for attribute, content in attributes.items():
                put(fields, last, f"{name}_{attribute}", content)
            if text is not None or not attributes:
                put(fields, last, "Data" if name == "#text" else name, value if text is None else text)
        else:
            put(fields, last, "Data" if name == "#text" else name, value)


def _element(value: Fields) -> tuple[Any, Fields]:
    """Text and attributes of an XML element as the ``evtx`` library writes it."""
    attributes = value.get("#attributes")
    return value.get("#text"), cast("Fields", attributes) if attributes.__class__ is dict else {}
