"""The bytes of HubSpot's files, from wherever HubSpot keeps them: the only file that asks hosts we do not know.

No token, no cookie and no proxy comes near it. A URL leads to a public address over https, redirected or not; where
the portal is on this machine, to this machine only.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from hubdump.errors import Incomplete
from hubdump.hubspot.endpoints import LOOPBACK
from hubdump.hubspot.retry import NoAnswer
from hubdump.version import __version__

AT_ONCE = 4
REDIRECTS_MAX = 3
CONNECT_S_MAX = 20.0
SILENT_S_MAX = 60.0
_CHUNK_BYTES = 256 * 1024


class Downloads:
    """Streams bytes to whoever asks; follows redirects to where a URL may lead."""

    def __init__(self, portal_url: str) -> None:
        self._here = urlsplit(portal_url).hostname in LOOPBACK
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE, resolver=None if self._here else _Public()),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S_MAX, sock_read=SILENT_S_MAX),
            headers={"Accept-Encoding": "identity", "User-Agent": f"hubdump/{__version__}"},
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def pieces(self, url: str, size: int | None) -> AsyncGenerator[bytes, None]:
        """What is behind a URL, piece by piece: `size` bytes, or as many as the answer says itself where that is None.

        NoAnswer where it does not come whole, Incomplete where no URL of HubSpot's would lead.
        """
        try:
            async with self._opened(url) as answer:
                most = _length(answer, size)
                came = 0
                async for piece in answer.content.iter_chunked(_CHUNK_BYTES):
                    came += len(piece)
                    if came > most:
                        break
                    yield piece
        except TimeoutError as error:
            raise NoAnswer(f"nothing came for {SILENT_S_MAX:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            # The library's own texts may hold the URL, which is a secret; its class says enough.
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from error
        if came != most:
            raise NoAnswer(f"{'more than ' * (came > most)}{min(came, most):,} bytes came, not {most:,}")

    @asynccontextmanager
    async def _opened(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of 200, after whatever redirects there are."""
        for _ in range(REDIRECTS_MAX + 1):
            where = self._checked(url)
            async with self._session.get(where, allow_redirects=False) as answer:
                if answer.status == 200:
                    yield answer
                    return
                if not 300 <= answer.status < 400 or "Location" not in answer.headers:
                    raise NoAnswer(f"HTTP {answer.status} from {where.host}")
                url = str(where.join(URL(answer.headers["Location"], encoded=True)))
        raise NoAnswer(f"more than {REDIRECTS_MAX} redirects")

    def _checked(self, url: str) -> URL:
        """A URL that may be asked; Incomplete else: no later try would change where it leads."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            parts, host, port = urlsplit(""), "", None
        if self._here:
            good = parts.scheme in {"http", "https"} and host in LOOPBACK
        else:
            plain = "@" not in parts.netloc and port in {None, 443}
            good = plain and parts.scheme == "https" and "." in host and not _is_address(host)
        if not good:
            raise Incomplete(f"its URL leads to {host or 'no host'}, where no file of this portal can be")
        return URL(url, encoded=True)


class _Public(AbstractResolver):
    """Names of hosts to addresses, of which only public ones are asked: not this machine, not what is beside it."""

    def __init__(self) -> None:
        self._inner = aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [one for one in found if ip_address(one["host"]).is_global]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _length(answer: aiohttp.ClientResponse, size: int | None) -> int:
    """How many bytes are to come, as metadata and answer agree."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise NoAnswer("its bytes were sent in another encoding than was asked for")
    told = answer.content_length
    if told is None and size is None:
        raise NoAnswer("nobody says how long it is")
    if None not in {told, size} and told != size:
        raise NoAnswer(f"{told:,} bytes were announced, not {size:,}")
    return max(told or 0, size or 0)
