"""Starts the sandbox as a process of its own, for one command, and passes on where it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hubdump.errors import HubdumpError, UsageError
from hubdump.extract.bearer import ServiceKey
from hubdump.model import Secret


@contextmanager
def sandbox(
    portal: str, faults: str, latency_ms: int, more: Sequence[str] = ()
) -> Iterator[tuple[str, ServiceKey]]:
    """A sandbox on a free port of this machine: its URL and its token; it ends with us, however we end."""
    command = [sys.executable, "-m", "hubdump.sandbox", "--json", "--until-stdin-eof", "--port", "0"]
    command += ["--portal", portal, "--faults", faults, "--latency-ms", str(latency_ms), *more]
    with subprocess.Popen(  # noqa: S603 - our own program; no shell reads the arguments
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us: the sandbox still has to answer what is under way
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            _explain(child)
        said = json.loads(line)
        try:
            yield said["url"], ServiceKey(Secret(said["token"]))
        finally:
            child.stdin.close()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()


def _explain(child: subprocess.Popen[bytes]) -> None:
    assert child.stderr is not None
    text = child.stderr.read().decode("utf-8", "replace").strip()
    last = text.splitlines()[-1] if text else "it said nothing"
    if child.wait() == 2:
        raise UsageError(f"The sandbox refuses: {last}", "See: hubdump sandbox --help")
    raise HubdumpError(f"The sandbox did not start: {last}")
