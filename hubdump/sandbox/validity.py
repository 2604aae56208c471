"""What HubSpot says of values before it writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hubdump.sandbox.answers import Refused
from hubdump.sandbox.definitions import Definition
from hubdump.sandbox.records import Shelf

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
VALUE_CHARS_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one value: HubSpot's code and sentence."""

    name: str
    code: str
    message: str


def values_of(one: dict[str, Any], *, required: bool = True) -> dict[str, str | None]:
    """The properties of a body or an input, as texts ('' clears one); Refused when they are none."""
    properties = one.get("properties", None if required else {})
    if not isinstance(properties, dict):
        raise Refused(400, "Invalid input JSON: properties must be an object")
    return {name: _text(name, value) for name, value in properties.items()}


def checked(shelf: Shelf, inputs: Iterable[dict[str, str | None]]) -> None:
    """Refuse a write of which some values are not valid, naming each (recorded: the message has JSON inside)."""
    flaws = [
        flaw for values in inputs for name, value in values.items() if (flaw := _flaw(shelf, name, value))
    ]
    if not flaws:
        return
    told = [{"isValid": False, "message": f.message, "error": f.code, "name": f.name} for f in flaws]
    errors = [{"message": f.message, "code": f.code, "context": {"propertyName": [f.name]}} for f in flaws]
    text = msgspec.json.encode(told).decode()
    raise Refused(400, f"Property values were not valid: {text}", errors=errors)


def _flaw(shelf: Shelf, name: str, value: str | None) -> Flaw | None:
    definition = shelf.definitions.get(name)
    if definition is None or definition.archived:
        return Flaw(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    own = {shelf.kind.created, shelf.kind.modified, "hs_object_id"}
    if definition.read_only or definition.calculated or name in own:
        return Flaw(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    return None if value is None else _misfit(definition, value)


def _misfit(definition: Definition, value: str) -> Flaw | None:
    """What is wrong with a value that is there. Codes other than INVALID_OPTION are not recorded."""
    name = definition.name
    if len(value) > VALUE_CHARS_MAX:
        return Flaw(
            name,
            "PROPERTY_VALUE_TOO_LONG",
            f"The value of {name} has more than {VALUE_CHARS_MAX} characters.",
        )
    if name == "email" and not _EMAIL.fullmatch(value):
        return Flaw(name, "INVALID_EMAIL", f"Email address {value} is invalid")
    if definition.type == "number" and not _NUMBER.fullmatch(value):
        return Flaw(name, "INVALID_DOUBLE", f"{value} was not a valid number.")
    if definition.type in {"date", "datetime"} and not _is_moment(value):
        return Flaw(name, "INVALID_DATE", f"{value} was not a valid date.")
    allowed = [option for option, _ in definition.options]
    if allowed and not set(value.strip(";").split(";")) <= set(allowed):
        return Flaw(
            name, "INVALID_OPTION", f"{value} was not one of the allowed options: [{', '.join(allowed)}]"
        )
    return None


def _is_moment(value: str) -> bool:
    """ISO, or milliseconds since 1970."""
    if value.removeprefix("-").isdecimal():
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _text(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.lower() if name == "email" else value
    if isinstance(value, int | float):
        return str(value)
    raise Refused(400, f"Invalid input JSON: the value of {name} must be a text")
