"""The bytes of HubSpot's answers as rows of a table, compressed as they came, with a checksum; and what is in them."""

from __future__ import annotations

import zlib

import msgspec
from msgspec import Raw, Struct

from hubdump import strict
from hubdump.errors import DiskFailure
from hubdump.model import Response


class _Page(Struct):
    results: list[Raw]


_PAGE = msgspec.json.Decoder(_Page)
# encoding, checksum of the bytes, the bytes
Body = tuple[str, int, bytes]


def packed(response: Response) -> Body:
    """The body of an answer; compressed, where HubSpot sent it plain."""
    body, encoding = response.body, response.encoding
    if not encoding:
        body, encoding = zlib.compress(body, 6), "zlib"
    return encoding, zlib.crc32(body), body


def records_in(text: bytes) -> list[Raw]:
    """The records of an answer, by their positions; msgspec.DecodeError where it is none."""
    return _PAGE.decode(text).results


def plain(response: Response) -> strict.Mended:
    """The body of an answer that is not on disk, as strict readers take it."""
    return strict.whole(zlib.decompress(response.body, 31) if response.encoding else response.body)


def unpacked(row: Body | None, what: str) -> strict.Mended:
    """What was packed, as strict readers take it; DiskFailure where it is not there, or not as it was written."""
    return strict.whole(checked(row, what))


def checked(row: Body | None, what: str) -> bytes:
    """What was packed, byte for byte; DiskFailure as above."""
    if row is None or zlib.crc32(row[2]) != row[1]:
        raise DiskFailure(
            f"{what} is not what was written to it.",
            "The disk or a program changed it. Restore the folder from a copy, or extract again.",
        )
    encoding, _, body = row
    return zlib.decompress(body, 31 if encoding == "gzip" else 15)
