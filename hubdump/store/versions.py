"""What each version of the store's schema added: an older store is brought up to date by whoever writes it.

A step is never changed once a store was made with it: what it leads from is on people's disks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from hubdump.errors import UsageError

# From each version, what leads to the next one.
STEPS: Mapping[int, str] = {
    5: """
CREATE TABLE fetched (
    id TEXT PRIMARY KEY, turn INTEGER NOT NULL, wanted TEXT NOT NULL, size INTEGER, md5 TEXT NOT NULL,
    url TEXT NOT NULL, version TEXT, bytes INTEGER NOT NULL DEFAULT 0, sha256 TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '', absent INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
""",
    6: """
CREATE TABLE runs (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, began_us INTEGER NOT NULL, ended_us INTEGER);
ALTER TABLE records ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN first_run INTEGER NOT NULL DEFAULT 0;
CREATE TABLE superseded (
    type INTEGER NOT NULL, id INTEGER NOT NULL, until INTEGER NOT NULL, run INTEGER NOT NULL, page INTEGER NOT NULL,
    position INTEGER NOT NULL, updated_us INTEGER, state INTEGER NOT NULL, merged_into INTEGER,
    PRIMARY KEY (type, id, until)) WITHOUT ROWID;
CREATE TRIGGER superseding AFTER UPDATE OF run ON records
WHEN OLD.run <> NEW.run AND EXISTS (SELECT 1 FROM meta WHERE key = 'versions_since')
BEGIN
    INSERT INTO superseded VALUES (OLD.type, OLD.id, NEW.run, OLD.run, OLD.page, OLD.position, OLD.updated_us,
        OLD.state, OLD.merged_into);
END;
ALTER TABLE pairs ADD COLUMN whole_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pairs ADD COLUMN noted_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pairs ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pairs ADD COLUMN blind INTEGER NOT NULL DEFAULT 0;
CREATE TABLE links_due (
    type INTEGER NOT NULL, other INTEGER NOT NULL, back INTEGER NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (type, other, back, id)) WITHOUT ROWID;
CREATE TABLE links_seen (
    from_type INTEGER NOT NULL, from_id INTEGER NOT NULL, to_type INTEGER NOT NULL, to_id INTEGER NOT NULL,
    label INTEGER NOT NULL,
    PRIMARY KEY (from_type, from_id, to_type, to_id, label)) WITHOUT ROWID;
CREATE TABLE association_changes (
    run INTEGER NOT NULL, from_type INTEGER NOT NULL, from_id INTEGER NOT NULL, to_type INTEGER NOT NULL,
    to_id INTEGER NOT NULL, label INTEGER NOT NULL, added INTEGER NOT NULL,
    PRIMARY KEY (run, from_type, from_id, to_type, to_id, label)) WITHOUT ROWID;
""",
}
OLDEST = min(STEPS)
LATEST = max(STEPS) + 1


def version_of(db: sqlite3.Connection) -> int:
    """The version of a store's schema; 0: nothing is there."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def refuse_unknown(db: sqlite3.Connection, path: Path) -> None:
    """UsageError where a store is of a version that nothing leads from."""
    version = version_of(db)
    if version and not OLDEST <= version <= LATEST:
        raise UsageError(
            f"{path} has version {version}, this hubdump reads versions {OLDEST} to {LATEST}. Nothing was changed.",
            "Use the hubdump that wrote it, or a newer one."
            if version > LATEST
            else "It is of a hubdump before the first release: keep it, and run into another folder.",
        )


def refuse_older(db: sqlite3.Connection, path: Path) -> None:
    """UsageError where a store is not of this version, for those who cannot write it."""
    refuse_unknown(db, path)
    if version_of(db) < LATEST:
        raise UsageError(
            f"{path} has version {version_of(db)}, of an older hubdump; this one reads version {LATEST}.",
            "Bring it up to date: hubdump run, or without HubSpot: hubdump load",
        )


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """All the steps that are left, in one transaction."""
    steps = "".join(STEPS[version] for version in range(version_of(db), LATEST))
    if not steps:
        return
    try:
        db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {LATEST}; COMMIT;")
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
