"""Request -> Response: the only file that imports the HTTP library."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from hubdump.errors import HubdumpError
from hubdump.hubspot.body import BODY_BYTES_MAX
from hubdump.hubspot.endpoints import base_url
from hubdump.hubspot.retry import NoAnswer
from hubdump.model import Request, Response, Secret
from hubdump.version import __version__

# HubSpot's edge answers 524 itself after 100 s: waiting a little longer learns which of us gave up.
ANSWER_S_MAX = 120.0
CONNECT_S_MAX = 20.0


class Client:
    """Sends requests to one host, over connections kept open; follows no redirect and no proxy."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = base_url(url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX, sock_connect=CONNECT_S_MAX),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": f"hubdump/{__version__}",
            },
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # Else the library itself sends a GET again when a kept connection turns out to be closed: a request
        # that no budget counted. There is no public switch; a test watches that this one still works.
        self._session._retry_connection = False  # noqa: SLF001 - see above

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, request: Request[Any], token: Secret | None) -> Response:
        """The response with its body as received; NoAnswer when none came whole.

        HubdumpError when the host's certificate is not trusted: no later try would be.
        """
        headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
        if request.body is not None:
            kind = "application/x-www-form-urlencoded" if request.form else "application/json"
            headers["Content-Type"] = kind
        url = URL(self._url + request.path, encoded=True).with_query(request.query)
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=request.body, allow_redirects=False
            ) as answer:
                body = await _body(answer)
                return Response(
                    answer.status,
                    {name.lower(): value for name, value in answer.headers.items()},
                    body,
                    answer.headers.get("Content-Encoding", "").strip().lower(),
                )
        except aiohttp.ClientConnectorCertificateError as error:
            raise HubdumpError(
                f"The certificate of {error.host} is not trusted ({error.certificate_error}). Nothing was sent.",
                "Check this machine's clock and certificates, and what stands between it and HubSpot.",
            ) from error
        except TimeoutError as error:
            raise NoAnswer(f"no complete answer within {ANSWER_S_MAX:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(_reason(error)) from error


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_chunked(256 * 1024):
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise NoAnswer(f"the answer is larger than {BODY_BYTES_MAX // 2**20} MiB")
        parts.append(part)
    return b"".join(parts)


def _reason(error: Exception) -> str:
    # The library's own texts may hold the URL with its query; its class says enough.
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {error.host} ({error.os_error.strerror or type(error.os_error).__name__})"
    return f"the connection broke ({type(error).__name__})"
