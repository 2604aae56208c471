"""A store of its own that holds the records and associations of another one as they were when a run had ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hubdump.store.database import disk_errors, open_for_reading, open_for_writing
from hubdump.store.past import Past, Run
from hubdump.store.runs import LINKS_SINCE

# The name of the run, in the `meta` of a store that is as of one.
AS_OF = "as_of"
# Taken over as they are: what the store knows besides records and associations. Its own are what it was to read next,
# its files and targets, and what it keeps of the past.
_WHOLE = (
    "types", "labels", "history_names", "properties", "custom_types", "pairs", "association_types", "unread",
    "collections", "parents_read", "item_pages", "items", "item_fields", "left_out", "failures",
)  # fmt: skip
_META = """
INSERT INTO meta SELECT key, value FROM whole.meta WHERE key = 'portal' OR key LIKE 'columns:%'
    OR key LIKE 'uncertain:%' OR key LIKE 'defined:%'
"""
_RECORDS = """
INSERT INTO records (type, id, page, position, updated_us, state, merged_into, seen, run, first_run)
    SELECT type, id, page, position, updated_us, state, merged_into, seen, run, first_run
    FROM whole.records WHERE run <= ?1
    UNION ALL SELECT type, id, page, position, updated_us, state, merged_into, 0, run, run
    FROM whole.superseded WHERE run <= ?1 AND until > ?1
"""
_PAGES = "INSERT INTO pages SELECT * FROM whole.pages WHERE number IN (SELECT page FROM records)"
# The first change after the run says whether an association was there when it ended; what never changed is as now, but
# for records that only became active since: theirs may have been read for the first time, which is no change.
_ASSOCIATIONS = """
CREATE TEMP TABLE changed AS SELECT from_type, from_id, to_type, to_id, label, added, min(run)
    FROM whole.association_changes WHERE run > ?1 GROUP BY from_type, from_id, to_type, to_id, label
"""
_THERE = """
INSERT OR IGNORE INTO associations SELECT * FROM (
    SELECT * FROM (
        SELECT * FROM whole.associations
        EXCEPT SELECT from_type, from_id, to_type, to_id, label FROM changed WHERE added
    ) UNION ALL SELECT from_type, from_id, to_type, to_id, label FROM changed WHERE NOT added
) AS there
WHERE EXISTS (SELECT 1 FROM records WHERE type = there.from_type AND id = there.from_id AND state = 0)
OR NOT EXISTS (SELECT 1 FROM whole.records WHERE type = there.from_type AND id = there.from_id AND state = 0)
"""
_PAST = """
INSERT INTO histories SELECT * FROM whole.histories AS past WHERE at_us <= ?1 AND EXISTS (
    SELECT 1 FROM records WHERE records.type = past.type AND records.id = past.id)
"""
_COUNTED = "UPDATE types SET past_values = (SELECT count(*) FROM histories WHERE type = number)"


def write(source: Path, run: Run, target: Path) -> None:
    """Write the store `target` as `source` was when `run` ended, in one transaction: whole, or nothing but its schema.

    UsageError where versions were not kept since then.
    """
    with closing(open_for_reading(source)) as db:
        Past(source, db).refuse_unknown(run)
    with closing(open_for_writing(target)) as db, disk_errors(target):
        db.execute("ATTACH ? AS whole", (str(source),))
        db.execute("BEGIN IMMEDIATE")
        _write(db, run)
        db.execute("COMMIT")


def _write(db: sqlite3.Connection, run: Run) -> None:
    for table in _WHOLE:
        db.execute(f"INSERT INTO {table} SELECT * FROM whole.{table}")  # noqa: S608 - our own words
    db.execute(_META)
    db.execute(_RECORDS, (run.number,))
    db.execute(_PAGES)
    db.execute(_ASSOCIATIONS, (run.number,))
    db.execute(_THERE)
    db.execute(_PAST, (run.ended_us or run.began_us,))
    db.execute(_COUNTED)
    db.execute("INSERT INTO runs SELECT * FROM whole.runs WHERE number <= ?", (run.number,))
    told = ((AS_OF, run.name), (LINKS_SINCE, str(run.number)))
    db.executemany("INSERT INTO meta VALUES (?, ?)", told)
