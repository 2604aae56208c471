"""Mutants of the store and of files: what is on disk together, what it replaces, whether it is there at all."""

from __future__ import annotations

from hubdump.store import associations, bodies, database, records, store
from hubdump.targets import written
from tests.simulation.mutants.algorithm import LOSS
from tests.simulation.mutants.breaking import Edit, Mutant

_BEGIN_RECORDS = (
    '        """Put one page of records and its cursor on disk together; `active_s` is the wall clock."""\n'
    "        with self.transaction():\n"
)
_BEGIN_ROWS = (
    '        """Put the associations of some records to the type `key.purpose` and the cursor on disk together."""\n'
    "        with self.transaction():\n"
)
_CURSOR_FIRST = (
    "        with self.transaction():\n"
    "            self._move(key, page.cursor, done=page.done)\n"
    "        with self.transaction():\n"
)

KEEPING: tuple[Mutant, ...] = (
    Mutant(
        "cursor before records",
        "The cursor is on disk before the page of records that leads to it.",
        (Edit(store, _BEGIN_RECORDS, _CURSOR_FIRST),),
        LOSS,
        "cut",
    ),
    Mutant(
        "cursor before associations",
        "The cursor is on disk before the associations that lead to it.",
        (Edit(store, _BEGIN_ROWS, _CURSOR_FIRST),),
        frozenset({"LOST"}),
        "cut",
    ),
    Mutant(
        "a page without its records",
        "The page and its cursor are committed before the records in it are known.",
        (
            Edit(
                store,
                "                records.put(self._db, self.runs, number, self._pass(number), page)\n",
                "                self._move(key, page.cursor, done=page.done)\n"
                "                records.put(self._db, self.runs, number, self._pass(number), page)\n",
            ),
            Edit(
                records,
                "    db.executemany(\n        _UPSERT,\n",
                "    db.execute('COMMIT')\n    db.execute('BEGIN IMMEDIATE')\n    db.executemany(\n        _UPSERT,\n",
            ),
        ),
        LOSS,
        "cut",
    ),
    Mutant(
        "complete before removals",
        "A round is marked complete in a transaction of its own, before its removals are applied.",
        (
            Edit(
                store,
                "            self.associations.unlink(number, records.remove(self._db, self.runs, number))\n",
                "            finished = (fresh_us, proved_us, number)\n"
                "            sql = 'UPDATE types SET complete = 1, fresh_us = ?, proved_us = ? WHERE number = ?'\n"
                "            self._db.execute(sql, finished)\n"
                "            self._db.execute('COMMIT')\n            self._db.execute('BEGIN IMMEDIATE')\n"
                "            self.associations.unlink(number, records.remove(self._db, self.runs, number))\n",
            ),
        ),
        frozenset({"GHOST"}),
        "cut removing",
    ),
    Mutant(
        "an older version wins",
        "What is read later replaces what is there, even an older version.",
        (
            Edit(
                records,
                "        _UPSERT,\n",
                "        _UPSERT.replace('excluded.updated_us >= updated_us', '1'),\n",
            ),
        ),
        frozenset(),
        test="tests/test_store.py::test_an_older_version_does_not_replace_a_newer_one_whatever_the_order",
    ),
    Mutant(
        "associations added only",
        "What is read of a record's associations is added to what was there.",
        (Edit(associations, "for row in there - now if row[1] in single)", "for row in ())"),),
        frozenset({"GHOST"}),
        "later",
    ),
    Mutant(
        "what changed is not read",
        "Associations of records that are new or changed are read at the next whole reading of their pair only.",
        (Edit(associations, "for id_, active in own if active)", "for id_, active in own if not active)"),),
        frozenset({"LOST"}),
        "growing among",
    ),
    Mutant(
        "nothing looked back at",
        "What a new record of the other type of a pair is tied to is found at the next whole reading only.",
        (
            Edit(
                associations,
                "for id_, active in others if active)",
                "for id_, active in others if not active)",
            ),
        ),
        frozenset({"LOST"}),
        "growing among",
    ),
    Mutant(
        "ends that are gone",
        "What leads to records that are gone stays until the next whole reading.",
        (
            Edit(
                associations,
                "json.dumps([id_ for id_, _ in others])",
                "json.dumps([id_ for id_, active in others if active])",
            ),
        ),
        frozenset({"GHOST"}),
        "removing among",
    ),
    Mutant(
        "always read whole",
        "A reading of what changed passes for one of all associations.",
        (Edit(associations, "if page.done and page.reach is Reach.LATE:", "if page.done:"),),
        frozenset({"LOST", "GHOST"}),
        "among",
    ),
    Mutant(
        "late ones not kept",
        "What is committed while all associations are read is known to one process; the next does not look for it.",
        (
            Edit(
                associations,
                "self._runs, self._asked = path, db, types, runs, asked\n",
                "self._runs, self._asked = path, db, types, runs, asked\n"
                "        db.execute('DELETE FROM links_due WHERE back = 2')\n",
            ),
        ),
        frozenset(),
        test="tests/test_pairs_store.py::test_what_came_late_is_known_to_the_next_process",
    ),
    Mutant(
        "late ones known before",
        "Of records that are committed while all associations are read, only those known before are read once more.",
        (
            Edit(
                store,
                "                self.associations.note_late(number, [ref.id for ref in page.records])\n",
                "",
            ),
            Edit(
                store,
                "            if page.records:\n                records.put(",
                "            if page.records:\n"
                "                self.associations.note_late(number, [ref.id for ref in page.records])\n"
                "                records.put(",
            ),
        ),
        frozenset({"LOST"}),
        "read whole",
    ),
    Mutant(
        "no overlap of associations",
        "What is tied in the minutes after a record changed, and after it was read, waits for the next whole reading.",
        (Edit(associations, "last.noted_us - overlap_us", "last.noted_us"),),
        frozenset(),
        test="tests/test_changed_pairs.py::test_what_changed_just_before_the_last_reading_is_read_once_more",
    ),
    Mutant(
        "associations of the removed",
        "A record that was removed keeps its associations.",
        (
            Edit(
                store,
                "self.associations.unlink(number, records.remove(self._db, self.runs, number))",
                "records.remove(self._db, self.runs, number)",
            ),
        ),
        frozenset({"GHOST"}),
        "removing",
    ),
    Mutant(
        "removals not applied",
        "What is found to be removed stays as it was.",
        (
            Edit(
                store,
                "            self.associations.unlink(number, records.remove(self._db, self.runs, number))\n",
                "",
            ),
        ),
        frozenset({"GHOST"}),
        "removing",
    ),
    Mutant(
        "removals at once",
        "What is found to be removed is so before its round is finished, or a person has said yes.",
        (
            Edit(
                store,
                "            self._readable(number, found.removed)\n",
                "            self._readable(number, found.removed)\n"
                "            records.remove(self._db, self.runs, number)\n",
            ),
        ),
        frozenset(),
        test="tests/test_store.py::test_what_is_removed_waits_for_the_end_of_its_round_and_comes_back_when_seen",
    ),
    Mutant(
        "removals of an unfinished round",
        "What a round found removed that never ended is removed by the next one.",
        (Edit(store, '                "DELETE FROM removals WHERE type = ?",\n', ""),),
        frozenset(),
        test="tests/test_store.py::test_a_removal_of_a_round_that_was_never_finished_is_forgotten",
    ),
    Mutant(
        "poison without a name",
        "Records that break every answer they are in are left out, and nobody says which.",
        (Edit(store, "for id_, reason in found.unreadable.items()", "for id_, reason in ()"),),
        frozenset({"LOST"}),
        "poisoned",
    ),
    Mutant(
        "not synchronous",
        "SQLite leaves it to the system when a commit reaches the disk.",
        (Edit(database, "PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF"),),
        frozenset({"BUG"}),
    ),
    Mutant(
        "checksum not looked at",
        "A page is read without its checksum.",
        (Edit(bodies, "if row is None or zlib.crc32(row[2]) != row[1]:", "if row is None:"),),
        frozenset(),
        test="tests/test_lasting.py::test_a_page_that_is_not_what_was_written_is_never_handed_over",
    ),
    Mutant(
        "a file is not on disk",
        "A file is renamed before its content is on disk.",
        (Edit(written, "                os.fsync(file.fileno())\n", "                file.fileno()\n"),),
        frozenset(),
        test="tests/test_lasting.py::test_a_file_is_on_disk_before_it_has_its_name_and_its_name_at_last",
    ),
)
