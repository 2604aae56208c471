"""A disk of its own for a few runs: a tmpfs in a mount namespace, made small, read-only, large again.

`on_a_disk` starts this file with steps, each `mount:OPTIONS` (the first mounts, later ones change it) or a verb
of hubdump's with its arguments; it does them in order and says how each verb ended as a line of JSON. What is
mounted ends with the process, so what is on the disk is copied to the end.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.conftest import Told, User


def on_a_disk(user: User, *steps: str) -> list[Told]:
    """Do `steps` with the user's dump on a disk of its own; how each verb ended.

    The namespace needs root, or a kernel that lets users have namespaces of their own.
    """
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    done = subprocess.run(
        [*own, sys.executable, "-m", "tests.small_disk", *steps], cwd=user.folder, env=user.env(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (
        "A full disk needs a mount of its own: root, or user namespaces (on Ubuntu: sudo sysctl "
        f"kernel.apparmor_restrict_unprivileged_userns=0). It said: {done.stderr[-1500:]}"
    )
    return [Told(**json.loads(line)) for line in done.stdout.splitlines()]


def main(steps: list[str]) -> None:
    user = User(Path.cwd(), dict(os.environ))
    user.dump.mkdir()
    mounted = False
    for step in steps:
        if options := step.removeprefix("mount:") if step.startswith("mount:") else "":
            what = f"remount,{options}" if mounted else options
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"mode=700,{what}", "tmpfs", str(user.dump)], check=True
            )
            mounted = True
        elif step == "whole?":
            said(0, whole(user.dump / "store.sqlite"))
        elif step == "used":
            room = os.statvfs(user.dump)
            said(0, str((room.f_blocks - room.f_bfree) * room.f_bsize))
        elif step == "at once":
            if (user.dump / "store.sqlite").exists():
                user.forget_the_last_window()
        else:
            told = user.types(*step.split())
            said(told.status, told.out, told.err)
    shutil.copytree(user.dump, user.folder / "copy")


def said(status: int, out: str, err: str = "") -> None:
    sys.stdout.write(json.dumps({"status": status, "out": out, "err": err}) + "\n")


def whole(store: Path) -> str:
    """What SQLite says of a store, and how many pages are in it."""
    if not store.exists() or not store.stat().st_size:
        return "nothing"
    with closing(sqlite3.connect(store)) as db:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])


if __name__ == "__main__":
    main(sys.argv[1:])
