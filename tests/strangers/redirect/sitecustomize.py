"""Leads a stranger that knows only HubSpot's own host to the sandbox at SANDBOX_URL, and nowhere else.

Python runs this file by its name when its folder is on PYTHONPATH. The stranger itself stays as it was published.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests.adapters

_SENDING = requests.adapters.HTTPAdapter.send
_SANDBOX = urlsplit(os.environ["SANDBOX_URL"])


def _send(self: Any, request: Any, *positional: Any, **named: Any) -> Any:
    asked = urlsplit(request.url)
    if asked.hostname == "api.hubapi.com":
        request.url = urlunsplit((_SANDBOX.scheme, _SANDBOX.netloc, asked.path, asked.query, ""))
    elif asked.hostname != _SANDBOX.hostname:
        raise PermissionError(f"a stranger may not reach {asked.hostname}")
    # A proxy of this machine's environment is not asked for what is on this machine.
    return _SENDING(self, request, *positional, **named | {"proxies": {}})


requests.adapters.HTTPAdapter.send = _send  # type: ignore[method-assign]  # this is the redirection
