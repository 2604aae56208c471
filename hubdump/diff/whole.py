"""A whole comparison: every table of a file that somebody else made, with its type in the dump."""

from __future__ import annotations

from pathlib import Path

from hubdump.diff.differing import Tally, Tell, differing
from hubdump.diff.foreign import opened
from hubdump.errors import UsageError
from hubdump.store.reader import Reader


def compared(dump: Path, file: Path, type_: str, as_of_us: int | None, tell: Tell) -> list[Tally]:
    """Compare all that a file holds of the dump's types, or of one type; UsageError where nothing can be compared."""
    reader = Reader(dump / "store.sqlite")
    try:
        catalogue = reader.catalogue()
        with opened(file, catalogue, catalogue.by_name(type_) if type_ else None) as there:
            for table in there.tables:
                if reader.bookmark(table.type.name).fresh_us is None:
                    raise UsageError(
                        f"The dump holds no {table.type.name}: there is nothing to compare {table.name} with.",
                        f"Read them: hubdump run --only {table.type.name}",
                    )
            return [differing(reader, there, table, as_of_us, tell) for table in there.tables]
    finally:
        reader.close()
