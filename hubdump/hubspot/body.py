"""What a response's body says: decompressed completely and within bounds, or not at all."""

from __future__ import annotations

import zlib

from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Response

# Decompressed by a client's defaults, half a megabyte of zeros took a gigabyte of memory. What grows beyond
# the first bound must not have been packed tighter than any page of records is.
BODY_BYTES_MAX = 64 * 1024 * 1024
BODY_BYTES_FREE = 16 * 1024 * 1024
RATIO_MAX = 200
_GZIP = 16 + zlib.MAX_WBITS


def decoded(response: Response) -> bytes:
    """The body as the text it stands for; NoAnswer when it was cut short, damaged or too large."""
    if response.encoding == "":
        return response.body
    if response.encoding != "gzip":
        raise NoAnswer(f"the answer is encoded as {response.encoding[:20]!r}, which was not asked for")
    most = min(BODY_BYTES_MAX, max(BODY_BYTES_FREE, RATIO_MAX * len(response.body)))
    engine = zlib.decompressobj(_GZIP)
    try:
        text = engine.decompress(response.body, most)
    except zlib.error as error:
        raise NoAnswer(f"the answer's gzip is damaged ({error})") from error
    if engine.unconsumed_tail:
        raise NoAnswer(f"{len(response.body)} bytes of an answer hold more than {most // 2**20} MiB")
    if not engine.eof or engine.unused_data:
        raise NoAnswer("the answer's gzip was cut short")
    return text
