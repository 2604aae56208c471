"""Rows as the lines of COPY, whole columns at a time: texts that PostgreSQL reads as what they mean go as they are, all
others by value.

Most columns of a portal hold what is plain, which one pattern over all texts of a column tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from hubdump.hubspot.schema import Kind
from hubdump.targets.postgres_kept import Odd
from hubdump.targets.postgres_layout import MORE, Laid
from hubdump.targets.postgres_values import ESCAPES, clean, cut, escaped, value
from hubdump.targets.table import Column, Row

# As many as HubSpot gives a page, or as few as have so many characters in their last column, which is a record's raw.
_ROWS, _CHARS = 100, 1_000_000
_NULL = "\\N"
_DAY = (
    r"(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
# Of which PostgreSQL makes what is meant by them (meant.py), and nothing else: not all of which it would.
_PLAIN = {
    Kind.NUMBER: r"-?[0-9]{1,28}(?:\.[0-9]{1,10})?",
    Kind.INTEGER: r"-?[0-9]{1,18}",
    Kind.BOOL: "true|false",
    Kind.DATE: _DAY,
    Kind.INSTANT: rf"{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?Z",
}
_ONE = {kind: re.compile(plain) for kind, plain in _PLAIN.items()}
_ALL = {kind: re.compile(f"(?:(?:{plain})\n)*") for kind, plain in _PLAIN.items()}
_TEXTS = {Kind.VERBATIM, Kind.TEXT}
Texts = Sequence[str | None]


@dataclass(slots=True)
class Lines:
    """The lines of one table's rows; which record a row is of, `whose` says. `noughts` counts texts with U+0000, `odd`
    has those that are no values of their column's kind, or more than that.
    """

    one: Laid
    whose: Callable[[Row], tuple[str, int]]
    rows: int = 0
    noughts: int = 0
    odd: list[Odd] = field(default_factory=list)

    def of(self, rows: Iterable[Row]) -> Iterator[bytes]:
        """The lines, some at a time."""
        batch, chars = list[Row](), 0
        for row in rows:
            batch.append(row)
            chars += len(row[-1] or "")
            if len(batch) == _ROWS or chars > _CHARS:
                yield self._lines(batch)
                batch, chars = [], 0
        if batch:
            yield self._lines(batch)

    def _lines(self, batch: Sequence[Row]) -> bytes:
        self.rows += len(batch)
        columns = list(zip(self.one.table.columns, self.one.names, zip(*batch, strict=True), strict=True))
        found = [self._fields(column, texts, batch) for column, name, texts in columns if name != MORE]
        if MORE in self.one.names:
            more = [(column, texts) for column, name, texts in columns if name == MORE]
            found.append(self._more(more, len(batch)))
        return ("\n".join(map("\t".join, zip(*found, strict=True))) + "\n").encode()

    def _fields(self, column: Column, texts: Texts, batch: Sequence[Row]) -> Sequence[str]:
        """What stands in each line for a column's texts."""
        kind = column.kind
        there = (
            [text for text in texts if text is not None]
            if kind is Kind.VERBATIM
            else list(filter(None, texts))
        )
        if not there:
            return [_NULL] * len(texts)
        if kind in _TEXTS:
            there = self._escaped(there)
        elif kind not in _ALL or not _all_plain(kind, there):
            return [
                self._value(column, text, row) if text else _NULL
                for text, row in zip(texts, batch, strict=True)
            ]
        return _in_place(texts, kind, there)

    def _escaped(self, there: list[str]) -> list[str]:
        """Texts as they stand in lines."""
        everything = "".join(there)
        if "\0" in everything:
            self.noughts += sum("\0" in text for text in there)
            there = list(map(clean, there))
        for char, escape in ESCAPES.items():
            if char in everything:
                there = [text.replace(char, escape) for text in there]
        return there

    def _value(self, column: Column, text: str, row: Row) -> str:
        """What stands for a text, looked at by itself."""
        kind = column.kind
        if kind in _ONE and _ONE[kind].fullmatch(text):
            return text
        self.noughts += "\0" in text
        made = value(kind, text)
        if kind is not Kind.LIST and (made is None or cut(kind, text)):
            lost = int(made is None)
            self.odd.append(Odd(*self.whose(row), column.name, kind.value, lost, 1 - lost))
        return _NULL if made is None else escaped(made)

    def _more(self, columns: Sequence[tuple[Column, Texts]], rows: int) -> list[str]:
        """An object of each row's texts that have no column of their own."""
        found: list[dict[str, str]] = [{} for _ in range(rows)]
        for column, texts in columns:
            key = clean(column.property.name if column.property else column.key)
            for of, text in zip(found, texts, strict=True):
                if text is not None:
                    self.noughts += "\0" in text
                    of[key] = clean(text)
        return [escaped(msgspec.json.encode(of).decode()) for of in found]


def _in_place(texts: Texts, kind: Kind, there: list[str]) -> list[str]:
    """What stands for texts, NULL for those that are not there."""
    if len(there) == len(texts):
        return there
    left = iter(there)
    if kind is Kind.VERBATIM:
        return [_NULL if text is None else next(left) for text in texts]
    return [next(left) if text else _NULL for text in texts]


def _all_plain(kind: Kind, there: Sequence[str]) -> bool:
    lines = "\n".join(there) + "\n"
    return lines.count("\n") == len(there) and bool(_ALL[kind].fullmatch(lines))
