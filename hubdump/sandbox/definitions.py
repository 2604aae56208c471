"""What a property is: its metadata as HubSpot writes it, and the pool of values that records draw from."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from hubdump.sandbox.numbers import mix

Value = Callable[[int], str | None]
POOL = 64
_WORDS = (
    "renewal", "pricing", "onboarding", "follow-up", "Größe", "façade", "demo", "contract", "invoice", "naïve",
    "quarter", "roadmap", "“quoted”", "emoji 🎉", "support", "budget", "legal", "security", "train", "review",
)  # fmt: skip
_NAMES = (
    "Ada",
    "Grace",
    "Linus",
    "Zoë",
    "José",
    "Mary-Ann",
    "O'Neil",
    "Ngũgĩ",
    "Łukasz",
    "Ivy",
    "李",
    "Omar",
)


@dataclass(frozen=True, eq=False)
class Definition:
    """One property; `value` gives the value that a number stands for, `unique` what stands around a record's index.

    `sensitivity` is HubSpot's dataSensitivity; `options` are pairs of value and label.
    """

    name: str
    label: str
    type: str
    field_type: str
    value: Value
    group: str = "information"
    options: tuple[tuple[str, str], ...] = ()
    hubspot_defined: bool = True
    calculated: bool = False
    unique: tuple[str, str] | None = None
    sensitivity: str = "non_sensitive"
    archived: bool = False
    read_only: bool = False
    external: bool = False
    description: str = ""
    made: str = "2019-08-06T02:41:08.108Z"
    changed: str = "2025-01-14T10:00:00Z"
    archived_at: str = "2026-10-02T08:00:00Z"

    @cached_property
    def pool(self) -> tuple[str | None, ...]:
        """The values that records have."""
        salt = zlib.crc32(self.name.encode())
        return tuple(self.value(mix(salt + number) >> 16) for number in range(POOL))

    @cached_property
    def fragments(self) -> tuple[bytes, ...]:
        """The pool as pieces of JSON, name and value."""
        name = msgspec.json.encode(self.name)
        return tuple(name + b":" + msgspec.json.encode(value) for value in self.pool)

    @cached_property
    def shift(self) -> int:
        """Which bits of a record's hash choose from the pool: one of eight places, so that neighbours are joined."""
        return zlib.crc32(self.name.encode()) % 8 * 8

    def own(self, index: int) -> str | None:
        """A unique property's value for the record of an index; one of twenty has none."""
        before, after = self.unique or ("", "")
        return None if index % 20 == 19 else f"{before}{index}{after}"

    def owner_of(self, value: str) -> int | None:
        """The index whose record has this value of a unique property."""
        before, after = self.unique or ("", "")
        middle = value[len(before) : len(value) - len(after)]
        if not middle.isascii() or not middle.isdecimal() or len(middle) > 12:
            return None
        return int(middle) if self.own(int(middle)) == value else None

    def as_json(self, version: str = "") -> dict[str, Any]:
        """HubSpot's metadata of a property (recorded shape); version 2026-03 has hints beside it (specification)."""
        options = [
            {"label": label, "value": value, "displayOrder": place, "hidden": False}
            for place, (value, label) in enumerate(self.options)
        ]
        found: dict[str, Any] = {
            "updatedAt": self.changed, "createdAt": self.made, "name": self.name,
            "label": self.label, "type": self.type, "fieldType": self.field_type,
            "description": self.description, "groupName": self.group, "options": options, "displayOrder": -1,
            "calculated": self.calculated, "externalOptions": self.external,
            "hasUniqueValue": self.unique is not None, "hidden": False,
            "hubspotDefined": self.hubspot_defined,
            "modificationMetadata": {
                "archivable": not self.read_only, "readOnlyDefinition": self.hubspot_defined,
                "readOnlyValue": self.read_only or self.calculated,
            },
            "formField": not (self.read_only or self.calculated), "dataSensitivity": self.sensitivity,
        }  # fmt: skip
        if self.external:
            found["referencedObjectType"] = "OWNER"
        if self.sensitivity != "non_sensitive":
            found["sensitiveDataCategories"] = ["HIPAA" if self.sensitivity == "sensitive" else "FINANCIAL"]
        if version == "2026-03" and self.type in {"number", "string"}:
            numeric = self.type == "number"
            found["numberDisplayHint" if numeric else "textDisplayHint"] = (
                "formatted" if numeric else "unformatted_single_line"
            )
        if self.archived:
            found |= {"archived": True, "archivedAt": self.archived_at}
        return found


def titled(name: str) -> str:
    """A label for a name."""
    return name.removeprefix("hs_").replace("_", " ").capitalize()


def text(name: str, value: Value, field_type: str = "text", **more: Any) -> Definition:
    return Definition(name, titled(name), "string", field_type, value, **more)


def number(name: str, value: Value, **more: Any) -> Definition:
    return Definition(name, titled(name), "number", "number", value, **more)


def moment(name: str, value: Value | None = None, **more: Any) -> Definition:
    return Definition(name, titled(name), "datetime", "date", value or instant(20), **more)


def choice(name: str, *values: str, empty_percent: int = 20, **more: Any) -> Definition:
    """An enumeration of these values."""
    options = tuple((value, value.replace("_", " ").title()) for value in values)
    return Definition(
        name, titled(name), "enumeration", "select", one_of(values, empty_percent), options=options, **more
    )


def flag(name: str, empty_percent: int = 50, **more: Any) -> Definition:
    options = (("true", "True"), ("false", "False"))
    value = one_of(("true", "false"), empty_percent)
    return Definition(name, titled(name), "bool", "booleancheckbox", value, options=options, **more)


def nothing(_: int) -> None:
    """The value of a property that is never filled here, or comes from the record itself."""
    return


def sentence(count: int, words: int) -> str:
    """Some words that a number stands for."""
    return " ".join(_WORDS[(count >> (3 * place)) % len(_WORDS)] for place in range(words))


def one_of(values: tuple[str, ...], empty_percent: int) -> Value:
    return lambda n: None if n % 100 < empty_percent else values[(n // 100) % len(values)]


def words(empty_percent: int, count: int) -> Value:
    return lambda n: None if n % 100 < empty_percent else sentence(n >> 3, count)


def given_name(empty_percent: int = 5) -> Value:
    return one_of(_NAMES, empty_percent)


def html(n: int) -> str | None:
    """A body of an e-mail or a note, with what trips a reader: line ends, quotes, backslashes."""
    if n % 10 == 0:
        return None
    return f'<div dir="auto">{sentence(n, 12)}<br>\n"{sentence(n >> 3, 6)}" &amp; more\\</div>'


def instant(empty_percent: int = 0) -> Value:
    """Instants with and without a fraction, as both are on the wire."""

    def value(n: int) -> str | None:
        if n % 100 < empty_percent:
            return None
        n //= 100
        fraction = "" if n % 7 == 0 else f".{n % 1000:03}"
        return f"2026-{n % 9 + 1:02}-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}:{n % 59:02}{fraction}Z"

    return value


def day(n: int) -> str | None:
    """A date without a time."""
    return None if n % 3 == 0 else f"{1960 + n % 50}-{n % 12 + 1:02}-{n % 28 + 1:02}"


def count_up_to(most: int, empty_percent: int = 10) -> Value:
    return lambda n: None if n % 100 < empty_percent else str(n // 100 % most)


def money(n: int) -> str | None:
    return None if n % 20 == 0 else f"{n % 100_000}.{n % 100:02}"
