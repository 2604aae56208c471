"""What the values of a property are, by HubSpot's definition of it: a kind of column, never a guess from values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from msgspec import Struct


class Kind(StrEnum):
    """What a column holds; the texts HubSpot sends become one of these exactly, or NULL and counted.

    VERBATIM are texts as they are; of all the others an empty text is no value (NULL), as it is at HubSpot.
    """

    VERBATIM = "verbatim"
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOL = "bool"
    DATE = "date"
    INSTANT = "instant"
    LIST = "list"
    JSON = "json"


# HubSpot's `type` of a property -> kind; any other type is text, and told.
KINDS = {
    "string": Kind.TEXT,
    "phone_number": Kind.TEXT,
    "object_coordinates": Kind.TEXT,
    "enumeration": Kind.TEXT,
    "number": Kind.NUMBER,
    "bool": Kind.BOOL,
    "date": Kind.DATE,
    "datetime": Kind.INSTANT,
    "json": Kind.JSON,
}


@dataclass(frozen=True, slots=True)
class Property:
    """A property as the portal defines it; `kind` is the kind of its column, `options` its values with their labels.

    `writable` where a user may set it, `refers` to what its values are ids of, in HubSpot's word.
    """

    name: str
    type: str
    field_type: str
    label: str
    kind: Kind
    options: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    writable: bool = field(default=False, compare=False)
    refers: str = field(default="", compare=False)

    @property
    def known(self) -> bool:
        """Whether we know what HubSpot's type of it means."""
        return self.type in KINDS


class _Definition(Struct, rename="camel"):
    type: str | None = None
    field_type: str | None = None
    label: str | None = None
    referenced_object_type: str | None = None


class _Rights(Struct, rename="camel"):
    read_only_value: bool = False


class _Use(Struct, rename="camel"):
    calculated: bool = False
    archived: bool = False
    hidden: bool = False
    modification_metadata: _Rights | None = None


class _Option(Struct):
    value: str
    label: str


class _WithOptions(Struct):
    options: list[_Option] = []


_DEFINITION = msgspec.json.Decoder(_Definition)
_USE = msgspec.json.Decoder(_Use)
_OPTIONS = msgspec.json.Decoder(_WithOptions)


def defined(name: str, definition: bytes) -> Property:
    """A property by HubSpot's JSON of it; what that does not say, or says in no way we know, makes it a text."""
    try:
        said = _DEFINITION.decode(definition)
    except msgspec.DecodeError:
        said = _Definition()
    type_, field_type = said.type or "", said.field_type or ""
    kind = KINDS.get(type_, Kind.TEXT)
    if type_ == "enumeration" and field_type == "checkbox":
        kind = Kind.LIST
    if kind is Kind.NUMBER and (said.referenced_object_type or _names_an_id(name)):
        kind = Kind.TEXT
    return Property(
        name,
        type_,
        field_type,
        said.label or "",
        kind,
        _options(definition),
        _writable(definition),
        said.referenced_object_type or "",
    )


def _options(definition: bytes) -> tuple[tuple[str, str], ...]:
    """The values with their labels; none where HubSpot says them in no way we know."""
    try:
        return tuple((option.value, option.label) for option in _OPTIONS.decode(definition).options)
    except msgspec.DecodeError:
        return ()


def _writable(definition: bytes) -> bool:
    """Whether a user may set it: not where HubSpot computes it, hides it, or says so in no way we know."""
    try:
        use = _USE.decode(definition)
    except msgspec.DecodeError:
        return False
    read_only = use.modification_metadata is not None and use.modification_metadata.read_only_value
    return not (use.calculated or use.archived or use.hidden or read_only)


def _names_an_id(name: str) -> bool:
    return name == "hs_object_id" or name.endswith(("_id", "_key"))
