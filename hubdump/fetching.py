"""Brings the bytes of HubSpot's files into the dump: those of the file manager, and what records name by id."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import Raw

from hubdump.around import by_name, fields_of, number_of
from hubdump.clock import Clock
from hubdump.errors import Incomplete, RequestRefused, ScopeMissing
from hubdump.events import Emit, FileFetched, Noted
from hubdump.extract.together import all_of
from hubdump.hubspot.downloads import AT_ONCE, Downloads
from hubdump.hubspot.retry import NoAnswer, wait_s
from hubdump.model import State
from hubdump.session import Session
from hubdump.store.fetched import FIRST, LAST, Due, NamedFile, path_of
from hubdump.store.reader import Reader
from hubdump.store.store import Store
from hubdump.targets.written import replacing

ATTACHED = "hs_attachment_ids"
TRIES = 3
# So many files one after the other that do not come: it is not the files.
FAILURES_MAX = 10
_AT_A_TIME = 500
_ID = re.compile(r"[0-9]{1,30}\Z")
_MD5 = re.compile(r"[0-9a-f]{32}\Z")


class Fetching:
    """One pass over all files: what is there as HubSpot names it is not asked for again."""

    def __init__(
        self, session: Session, downloads: Downloads, store: Store, clock: Clock, emit: Emit
    ) -> None:
        self._api, self._exchange, self._downloads = session.api, session.exchange, downloads
        self._store, self._clock, self._emit = store, clock, emit
        self._dump = store.path.parent
        self._in_a_row = 0

    async def fetch(self) -> None:
        """Fetch what is due; what fails is kept by id. Incomplete where it is not worth going on."""
        reader = Reader(self._store.path)
        try:
            self._store.fetched.name(named(reader))
        finally:
            reader.close()
        due = self._due()
        await all_of(self._some(due) for _ in range(AT_ONCE))
        if absent := self._store.fetched.summary().absent:
            self._emit(
                Noted(
                    f"{absent:,} files that records name are not at HubSpot any more, or hidden from this token.",
                    "manifest.json names them. Hidden ones need the scope files.ui_hidden.read.",
                )
            )

    def _due(self) -> Iterator[NamedFile]:
        for turn in (FIRST, LAST):
            after = ""
            while found := self._store.fetched.due(turn, after, _AT_A_TIME):
                yield from (one.file for one in found if not self._is_there(one))
                after = found[-1].file.id

    def _is_there(self, one: Due) -> bool:
        path = path_of(self._dump, one.file.id)
        return path.exists() and path.stat().st_size == one.bytes

    async def _some(self, due: Iterator[NamedFile]) -> None:
        for file in due:
            try:
                await self._one(file)
            except ScopeMissing:
                raise
            except (Incomplete, NoAnswer) as error:
                # An attachment that was deleted, or is hidden, answers as if it had never been.
                absent = isinstance(error, RequestRefused) and error.status == 404 and not file.version
                self._store.fetched.fail(file.id, str(error), absent=absent)
                self._too_many(error)
            else:
                self._in_a_row = 0

    def _too_many(self, error: Exception) -> None:
        self._in_a_row += isinstance(error, NoAnswer)
        if self._in_a_row >= FAILURES_MAX:
            raise Incomplete(
                f"{FAILURES_MAX} files one after the other did not come ({error}). What was fetched is kept, and the "
                "others were not tried.",
                "Run the same command again later: it fetches those that are not there.",
            )

    async def _one(self, file: NamedFile) -> None:
        if not _ID.match(file.id):
            raise Incomplete("what names it is no id of HubSpot's")
        for attempt in range(1, TRIES + 1):
            try:
                url, size = await self._where(file)
                self._store.fetched.keep(file, *await self._stored(file, url, size))
            except NoAnswer:
                if attempt == TRIES:
                    raise
                await self._clock.sleep(wait_s(attempt, 0.0))
            else:
                self._emit(FileFetched(file.id, path_of(self._dump, file.id).stat().st_size))
                return

    async def _where(self, file: NamedFile) -> tuple[str, int | None]:
        """A URL that is good for one file only and for a while; of a public file that has none, its own."""
        try:
            signed = (await self._exchange.ask(self._api.signed_url(file.id))).content
        except RequestRefused:
            if not file.url:
                raise
            return file.url, file.size
        return signed.url, file.size if signed.size is None else signed.size

    async def _stored(self, file: NamedFile, url: str, size: int | None) -> tuple[int, str]:
        """Stream the bytes into their place, whole or not at all: how many, and their SHA-256."""
        came, md5 = 0, hashlib.md5(usedforsecurity=False)
        with replacing(path_of(self._dump, file.id)) as draft:
            async with aclosing(self._downloads.pieces(url, size)) as pieces:
                async for piece in pieces:
                    draft.write(piece)
                    md5.update(piece)
                    came += len(piece)
            if file.md5 and md5.hexdigest() != file.md5:
                raise NoAnswer("its bytes are not those of the MD5 that HubSpot names")
            self._store.fetched.replace(file.id)
            return came, draft.mark


def named(reader: Reader) -> Iterator[NamedFile]:
    """Every file that the dump names: by attachments and properties of records, then by the metadata it has."""
    for type_ in reader.types():
        if properties := _of_files(reader, type_):
            for id_ in _ids(reader, type_, properties):
                yield NamedFile(id_)
    for item in reader.items.items(by_name("files"), gone=False):
        yield _described(item.key, fields_of(item.raw))


def _of_files(reader: Reader, type_: str) -> list[str]:
    """The properties of a type whose values are ids of files."""
    return [
        name
        for name, raw in reader.definitions(type_)
        if name == ATTACHED or fields_of(Raw(raw)).get("fieldType") == b'"file"'
    ]


def _ids(reader: Reader, type_: str, properties: list[str]) -> Iterator[str]:
    """The ids in these properties; what is none there (a form keeps a URL) names no file."""
    fields = {f"p{number}": name for number, name in enumerate(properties)}
    # Whatever else a record has is not decoded: there may be hundreds of properties.
    asked = msgspec.defstruct("Properties", [(field, Any, None) for field in fields], rename=fields)
    decoder = msgspec.json.Decoder(msgspec.defstruct("Record", [("properties", asked)]))
    for page in reader.pages(type_, State.ACTIVE, State.ARCHIVED):
        for record in page:
            record_: Any = decoder.decode(record.raw)
            for value in msgspec.structs.astuple(record_.properties):
                yield from (id_ for id_ in str(value).split(";") if _ID.match(id_))


def _described(id_: str, fields: dict[str, Raw]) -> NamedFile:
    """A file as its metadata say; its version is another one where its bytes may be."""
    size, md5 = number_of(fields.get("size")), _text(fields, "fileMd5").lower()
    md5 = md5 if _MD5.match(md5) else ""
    public = _text(fields, "access").startswith("PUBLIC")
    url = (_text(fields, "defaultHostingUrl") or _text(fields, "url")) if public else ""
    return NamedFile(id_, md5 or f"{_text(fields, 'updatedAt')} {size}", size, md5, url)


def _text(fields: dict[str, Raw], name: str) -> str:
    try:
        return msgspec.json.decode(fields.get(name, Raw(b'""')), type=str)
    except msgspec.DecodeError:
        return ""
