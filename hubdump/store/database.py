"""Opens the SQLite file: its schema, its guarantees, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hubdump.errors import DiskFailure, UsageError
from hubdump.store.versions import LATEST, bring_up_to_date, refuse_older, refuse_unknown, version_of

# Ids are numbers here because they sort as HubSpot's lists do; they are text in all that leaves us.
# `passes` counts the lists of a type that were begun, `seen` is the latest one that showed a record: what a whole
# pass did not show is looked into. `removals` wait until the round they belong to is finished.
# `history_reads` says of which record the history of which properties is whole, as of which version, and the `seen_us`
# of the round that read it.
# A side of a pair was last read whole at `pairs.whole_us`; what changed up to `run`, at `noted_us`, is in
# `links_due`: its records to be read again (`back` 0; 2: those that came while all were read), or those of the other
# type to be looked back at (1).
# `association_changes` are what a run saw added (1) or removed (0) since the run before.
# Primary keys come first: SQLite 3.40's quick_check takes any other order of a table WITHOUT ROWID for damage.
# `runs.name` is what a run's log is called under runs/. A record's present version - its bytes, its state, what it was
# merged into - is of `run`, the record itself of `first_run`; 0: a run before the store knew of runs.
# What a record was from `run` on, until the run `until` saw another version, is in `superseded`, where versions are
# kept: since the end of the run `versions_since` of `meta`. A trigger keeps them, so that no writer can forget to.
# `fetched` are HubSpot's files: their bytes are in the dump as of `version`; HubSpot names the one `wanted`.
# What is around the records lies in `collections`: a pass shows its items anew, what a whole one did not is `gone`.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE types (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, round INTEGER NOT NULL DEFAULT 0,
    passes INTEGER NOT NULL DEFAULT 0, since_us INTEGER NOT NULL DEFAULT 0, seen_us INTEGER NOT NULL DEFAULT 0,
    complete INTEGER NOT NULL DEFAULT 0, fresh_us INTEGER, proved_us INTEGER,
    past_values INTEGER NOT NULL DEFAULT 0);
CREATE TABLE walks (
    type INTEGER NOT NULL, purpose TEXT NOT NULL, cursor TEXT NOT NULL, done INTEGER NOT NULL,
    PRIMARY KEY (type, purpose)) WITHOUT ROWID;
CREATE TABLE pages (
    number INTEGER PRIMARY KEY, type INTEGER NOT NULL, encoding TEXT NOT NULL, crc INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE records (
    type INTEGER NOT NULL, id INTEGER NOT NULL, page INTEGER NOT NULL, position INTEGER NOT NULL,
    updated_us INTEGER, state INTEGER NOT NULL, merged_into INTEGER, seen INTEGER NOT NULL,
    run INTEGER NOT NULL DEFAULT 0, first_run INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE runs (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, began_us INTEGER NOT NULL, ended_us INTEGER);
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
CREATE TABLE removals (
    type INTEGER NOT NULL, id INTEGER NOT NULL, merged_into INTEGER, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE labels (
    number INTEGER PRIMARY KEY, category TEXT NOT NULL, type_id INTEGER NOT NULL, label TEXT);
CREATE UNIQUE INDEX labels_once ON labels (category, type_id, coalesce(label, char(0)));
CREATE TABLE associations (
    from_type INTEGER NOT NULL, from_id INTEGER NOT NULL, to_type INTEGER NOT NULL, to_id INTEGER NOT NULL,
    label INTEGER NOT NULL,
    PRIMARY KEY (from_type, from_id, to_type, to_id, label)) WITHOUT ROWID;
CREATE TABLE history_names (number INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TABLE history_reads (
    type INTEGER NOT NULL, id INTEGER NOT NULL, names INTEGER NOT NULL, updated_us INTEGER, seen_us INTEGER NOT NULL,
    PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE histories (
    type INTEGER NOT NULL, id INTEGER NOT NULL, property TEXT NOT NULL, at_us INTEGER NOT NULL, digest INTEGER NOT NULL,
    timestamp TEXT NOT NULL, value TEXT, source_type TEXT, source_id TEXT, source_label TEXT, updated_by_user_id TEXT,
    more TEXT NOT NULL, PRIMARY KEY (type, id, property, at_us, digest)) WITHOUT ROWID;
CREATE TABLE failures (
    type INTEGER NOT NULL, id INTEGER NOT NULL, purpose TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (type, id, purpose)) WITHOUT ROWID;
CREATE TABLE properties (
    type INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, definition BLOB NOT NULL,
    PRIMARY KEY (type, name)) WITHOUT ROWID;
CREATE TABLE custom_types (
    number INTEGER PRIMARY KEY, type_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, singular TEXT NOT NULL,
    qualified TEXT NOT NULL, label TEXT NOT NULL);
CREATE TABLE pairs (
    from_type TEXT NOT NULL, to_type TEXT NOT NULL, asked_us INTEGER NOT NULL DEFAULT 0,
    read INTEGER NOT NULL DEFAULT 0, differs INTEGER NOT NULL DEFAULT 0, whole_us INTEGER NOT NULL DEFAULT 0,
    noted_us INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL DEFAULT 0, blind INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (from_type, to_type)) WITHOUT ROWID;
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
CREATE TABLE association_types (
    from_type TEXT NOT NULL, to_type TEXT NOT NULL, category TEXT NOT NULL, type_id INTEGER NOT NULL, label TEXT,
    PRIMARY KEY (from_type, to_type, category, type_id)) WITHOUT ROWID;
CREATE TABLE unread (
    what TEXT PRIMARY KEY, why TEXT NOT NULL, scopes TEXT NOT NULL, absent INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE collections (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, passes INTEGER NOT NULL DEFAULT 0,
    began_us INTEGER NOT NULL DEFAULT 0, cursor TEXT NOT NULL DEFAULT '', complete INTEGER NOT NULL DEFAULT 0,
    fresh_us INTEGER, unread TEXT NOT NULL DEFAULT '');
CREATE TABLE parents_read (
    collection INTEGER NOT NULL, parent TEXT NOT NULL, began_us INTEGER NOT NULL,
    PRIMARY KEY (collection, parent)) WITHOUT ROWID;
CREATE TABLE item_pages (
    number INTEGER PRIMARY KEY, collection INTEGER NOT NULL, encoding TEXT NOT NULL, crc INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE items (
    collection INTEGER NOT NULL, parent TEXT NOT NULL, key TEXT NOT NULL, page INTEGER NOT NULL,
    position INTEGER NOT NULL, archived INTEGER NOT NULL, seen INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (collection, parent, key)) WITHOUT ROWID;
CREATE TABLE item_fields (
    collection INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (collection, name)) WITHOUT ROWID;
CREATE TABLE left_out (
    collection INTEGER NOT NULL, parent TEXT NOT NULL, reason TEXT NOT NULL, failed INTEGER NOT NULL,
    PRIMARY KEY (collection, parent)) WITHOUT ROWID;
CREATE TABLE fetched (
    id TEXT PRIMARY KEY, turn INTEGER NOT NULL, wanted TEXT NOT NULL, size INTEGER, md5 TEXT NOT NULL,
    url TEXT NOT NULL, version TEXT, bytes INTEGER NOT NULL DEFAULT 0, sha256 TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '', absent INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE files (path TEXT PRIMARY KEY, mark TEXT NOT NULL, records INTEGER NOT NULL) WITHOUT ROWID;
"""

RECORD = "record"  # the purpose of a failure that is a record's own, not its associations' or its
HISTORY = "history"
FAILURES = "SELECT id, purpose, reason FROM failures WHERE type = ? ORDER BY id, purpose"

DEFINITIONS = "SELECT name, definition FROM properties WHERE type = ? ORDER BY position"

_DISK_TEXTS = ("full", "disk i/o", "readonly", "read-only", "unable to open", "locked")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk or SQLite says about `path` into DiskFailure."""
    try:
        yield
    except OSError as error:
        raise DiskFailure(
            f"{error.strerror or error}: {path}. Everything committed before is intact.",
            "Make room or give write access, then run the same command again: it continues.",
        ) from error
    except sqlite3.DatabaseError as error:
        text = str(error).lower()
        if any(known in text for known in _DISK_TEXTS):
            raise DiskFailure(
                f"The disk refused a write to {path} ({error}). Everything committed before is intact.",
                "Make room or give write access, then run the same command again: it continues.",
            ) from error
        raise DiskFailure(
            f"{path} is damaged or no store of hubdump's ({error}).",
            f"Move {path.parent} away, keep it, and run again into an empty folder.",
        ) from error


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one writing connection, with its guarantees asserted; creates the file and its schema."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None)
        new = _is_new(db, path)
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        db.execute("PRAGMA synchronous = FULL")
        synchronous = db.execute("PRAGMA synchronous").fetchone()[0]
        if (mode, synchronous) != ("wal", 2):
            raise DiskFailure(f"{path} cannot be written safely here (journal {mode}, sync {synchronous}).")
        if new:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {LATEST}; COMMIT;")
        bring_up_to_date(db)
        return db


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; it sees what was committed when it began to read."""
    with disk_errors(path):
        db = _connected_for_reading(path)
        if not version_of(db):
            raise UsageError(f"There is nothing in {path} yet.", "Make a dump: hubdump run")
        refuse_older(db, path)
        return db


def _connected_for_reading(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise UsageError(f"There is no dump in {path.parent}.", "Make one: hubdump run")
    # Where nobody can write, SQLite cannot make the file by which its readers and its writer agree.
    frozen = "" if os.access(path.parent, os.W_OK) else "&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{frozen}", uri=True, isolation_level=None)


def check_structure(path: Path) -> None:
    """DiskFailure unless SQLite finds its own structures whole; reads the file once."""
    with disk_errors(path), closing(_connected_for_reading(path)) as db:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(str(found).strip().splitlines()[-1])


def _is_new(db: sqlite3.Connection, path: Path) -> bool:
    """Whether nothing is in the file yet; asked before a byte of it is changed: it may be somebody else's."""
    refuse_unknown(db, path)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    if tables and not (version_of(db) and {"meta", "pages", "records"} <= tables):
        raise sqlite3.DatabaseError("tables of another program")
    return not tables
