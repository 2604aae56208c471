"""What the columns of somebody else's table are: properties by name or label, instants, marks of what is deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubdump.hubspot.schema import Property
from hubdump.hubspot.wire import instant_us
from hubdump.model import ObjectType

# As Fivetran and HubSpot's own Snowflake share, Airbyte, and dlt call them.
_PREFIXES = ("property_", "properties_", "properties__")
_NESTED = "properties"
LINKS = "associations"
_UPDATED = ("updatedAt", "updated_at")
_CREATED = ("createdAt", "created_at")
_DELETED = ("archived", "_deleted", "_fivetran_deleted", "is_deleted")
# When a tool fetched a row.
SYNCED = ("_fivetran_synced", "_airbyte_extracted_at", "_airbyte_emitted_at", "_extracted_at")
_OWN = frozenset(
    {_NESTED, LINKS, "id", "type", "record id", "updatedat", "createdat", "archivedat", "archived_at", "url",
     *_UPDATED, *_CREATED, *_DELETED}
)  # fmt: skip
_TRUE = frozenset({"true", "t", "1", "yes"})


@dataclass(slots=True)
class Fields:
    """The properties of a type, and which column of a table is which of them."""

    type: ObjectType
    properties: Mapping[str, Property]
    # Columns that are no property of the type, by what is wrong with them.
    unknown: dict[str, str] = field(default_factory=dict)
    _known: dict[str, str | None] = field(default_factory=dict)
    _labels: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        labels = Counter(one.label.strip().casefold() for one in self.properties.values())
        self._labels = {
            label: one.name
            for one in self.properties.values()
            if labels[label := one.label.strip().casefold()] == 1
        }

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a row by the names of properties."""
        found = {name: value for column, value in row.items() if (name := self._name(column)) is not None}
        nested = row.get(_NESTED)
        if isinstance(nested, dict):
            found |= {name: nested[name] for name in nested if self._is_one(name)}
        return found

    def updated_us(self, row: Mapping[str, Any]) -> int | None:
        """When a row says that its record was last modified."""
        return self._instant(row, _UPDATED, self.type.modified)

    def created_us(self, row: Mapping[str, Any]) -> int | None:
        """When a row says that its record was made."""
        return self._instant(row, _CREATED, self.type.created)

    def _instant(self, row: Mapping[str, Any], columns: Iterable[str], property_: str) -> int | None:
        said = next((row[column] for column in columns if row.get(column)), None) or self.values(row).get(
            property_
        )
        return instant_us(said) if isinstance(said, str | int | float) else None

    def _name(self, column: str) -> str | None:
        if column not in self._known:
            self._known[column] = self._property(column)
        return self._known[column]

    def _property(self, column: str) -> str | None:
        low = column.casefold()
        # Where several have one label, their names stand behind it.
        behind = low.rpartition(" (")[2].removesuffix(")")
        bare = (column, low, behind, *(low.removeprefix(prefix) for prefix in _PREFIXES))
        if name := next((one for one in bare if one in self.properties), None):
            return name
        name = self._labels.get(low)
        if name and self.properties[name].refers:
            self.unknown[column] = "names in the place of ids"
            return None
        if name is None and low not in _OWN and not low.startswith("_"):
            self.unknown[column] = "no property"
        return name

    def _is_one(self, name: str) -> bool:
        if name not in self.properties:
            self.unknown[name] = "no property"
        return name in self.properties


def is_deleted(row: Mapping[str, Any]) -> bool:
    """Whether a row says that its record is not active any more."""
    return any(str(row.get(column)).casefold() in _TRUE for column in _DELETED)
