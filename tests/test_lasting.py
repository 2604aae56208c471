"""What outlasts a power cut or a bad disk: a file is on disk before its name, a page is read as it was written."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest

from hubdump.errors import DiskFailure
from hubdump.model import RecordRef, RecordsRead, Response, WalkKey
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets.written import replacing
from tests.worlds import record


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, happened, fsync = tmp_path / "calls.json", list[str](), os.fsync
    path.write_text("as it was")

    def watched(number: int) -> None:
        fsync(number)
        named = path.read_text() == "as it is now"
        of = "folder" if os.fstat(number).st_ino == tmp_path.stat().st_ino else "file"
        happened.append(f"{of} on disk, {'renamed' if named else 'not renamed'}")

    monkeypatch.setattr(os, "fsync", watched)
    with replacing(path) as draft:
        draft.write(b"as it is now")
    assert happened == ["file on disk, not renamed", "folder on disk, renamed"]


def test_a_page_that_is_not_what_was_written_is_never_handed_over(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.begin_round("calls", 1)
    body = json.dumps({"results": [record(1, hs_call_title="true")]}).encode()
    page = RecordsRead(Response(200, {}, body), [RecordRef(1, 0, 1)], "", done=True)
    store.commit_records(WalkKey("calls", "sweep"), page, 0.0)
    reader = Reader(store.path)
    assert b'"true"' in bytes(next(reader.pages("calls"))[0].raw)
    store._db.execute("UPDATE pages SET body = ?", (zlib.compress(body.replace(b"true", b"false")),))
    with pytest.raises(DiskFailure, match="not what was written"):
        next(reader.pages("calls"))
    reader.close()
    store.close()
