"""A disk that is there after a kill: SQLite connections whose every statement may be the last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any
from unittest.mock import patch

STORE = "store.sqlite"


class Killed(BaseException):
    """The process was killed at this instant; what runs after it is a ghost that reaches nothing."""


class Fuse:
    """Burns down by what happens - statements, requests, answers - and kills at the one it was set to.

    At the kill the files are copied as they are to `after`: that is what the next process finds, and nothing
    the ghost does later (rolling back, closing) is in it.
    """

    def __init__(self, folder: Path, after: Path, kind: str = "", number: int = 0) -> None:
        self.folder, self.after = folder, after
        self.kind, self.left = kind, number
        self.dead = False

    def tick(self, kind: str) -> None:
        """Something of this kind is about to happen; Killed when the process ends before it, or has ended."""
        if not self.dead and kind == self.kind:
            self.left -= 1
            if self.left <= 0:
                self._die()
        if self.dead:
            raise Killed(kind)

    def _die(self) -> None:
        self.dead = True
        self.after.mkdir()
        for name in (STORE, f"{STORE}-wal"):
            if (self.folder / name).exists():
                copyfile(self.folder / name, self.after / name)


class Tapped(sqlite3.Connection):
    """A connection with a fuse before every statement, and before every row of a series."""

    fuse: Fuse | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self._tick()
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        return super().executemany(sql, self._each(parameters))

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        statement = ""
        for piece in sql_script.split(";"):
            statement += f"{piece};"
            if sqlite3.complete_statement(statement):  # a trigger has more than one semicolon
                self._tick()
                super().execute(statement)
                statement = ""
        return super().execute(statement)

    def _each(self, rows: Iterable[Any]) -> Iterator[Any]:
        for row in rows:
            self._tick()
            yield row

    def _tick(self) -> None:
        if self.fuse is not None:
            self.fuse.tick("statement")


@contextmanager
def tapped(fuse: Fuse) -> Iterator[None]:
    """Every connection opened within bears the fuse, from its first statement on, and is closed at the end."""
    connect, opened = sqlite3.connect, []

    def lit(*args: Any, **more: Any) -> sqlite3.Connection:
        db = connect(*args, factory=Tapped, **more)
        assert isinstance(db, Tapped)
        db.fuse = fuse
        opened.append(db)
        return db

    try:
        with patch.object(sqlite3, "connect", lit):
            yield
    finally:
        for db in opened:
            db.close()
