"""One writer per dump: a lock that the operating system drops when its holder dies, however it dies."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from pathlib import Path

from hubdump.errors import InUse
from hubdump.store.database import disk_errors


class Lock:
    """Holds a dump for this process until `release`; InUse (75) when another one holds it.

    An exclusive transaction on a tiny SQLite file: the one portable lock of the standard library.
    """

    def __init__(self, folder: Path, started: str) -> None:
        self._holder = folder / "lock.json"
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / "lock.sqlite", isolation_level=None, timeout=0)
            try:
                self._db.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                self._db.close()
                if "locked" not in str(error):
                    raise
                raise InUse(
                    f"{folder} is in use: {self._who()}. Nothing was changed.",
                    "Wait until it has ended, or use another folder with --dump.",
                ) from None
            self._holder.write_text(
                json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": started})
            )

    def release(self) -> None:
        self._db.close()

    def _who(self) -> str:
        try:
            held = json.loads(self._holder.read_text())
            return f"process {held['pid']} on {held['host']} since {held['since']}"
        except (OSError, ValueError, KeyError):
            return "by another process"
