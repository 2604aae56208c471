"""Stands between a process and its kernel: sees each call that changes the disk, lets it pass, fail, or kill.

By seccomp's user notification (Linux 5.5 and later): the program is unchanged, no compiler and no root is needed,
and what it starts is watched too.
"""

from __future__ import annotations

import ctypes
import os
import platform
import select
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path

# The numbers of the same calls on each machine; which argument is a path, where none is: the first is a file.
_NUMBERS = {
    "x86_64": {
        "write": 1, "pwrite64": 18, "writev": 20, "fsync": 74, "fdatasync": 75, "ftruncate": 77, "rename": 82,
        "unlink": 87, "unlinkat": 263, "renameat": 264, "fallocate": 285, "pwritev": 296, "renameat2": 316,
    },
    "aarch64": {
        "write": 64, "pwrite64": 68, "writev": 66, "fsync": 82, "fdatasync": 83, "ftruncate": 46, "unlinkat": 35,
        "renameat": 38, "fallocate": 47, "pwritev": 70, "renameat2": 276,
    },
}  # fmt: skip
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PATHS = {"rename": (0, 1), "unlink": (0,), "unlinkat": (1,), "renameat": (1, 3), "renameat2": (1, 3)}
WRITES = ("write", "pwrite64", "writev", "pwritev", "ftruncate", "fallocate")
SYNCS = ("fsync", "fdatasync")
RENAMES = ("rename", "renameat", "renameat2")
REMOVALS = ("unlink", "unlinkat")
NO_ANSWER = -1
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_GO_ON = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: of which process, on which file; for a renaming `to` is the new name. `fd` is -1 for a path."""

    name: str
    process: int
    path: str
    to: str = ""
    fd: int = -1

    @property
    def file(self) -> str:
        """The last part of the path."""
        return Path(self.path).name


Rule = Callable[[Call], int]


@dataclass(slots=True)
class Watch:
    """The calls so far, and the rule: the errno with which a call fails, 0 to let it pass, or NO_ANSWER
    (its process was killed: nothing that this process still calls is done, or counted).
    """

    rule: Rule
    calls: list[Call] = field(default_factory=list)
    error: BaseException | None = None
    _killed: set[int] = field(default_factory=set)
    _ends: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def enter(self) -> None:
        """What the new process does before it becomes the program: the `preexec_fn` of subprocess."""
        listener = _listen()
        socket.send_fds(self._ends[1], [b"."], [listener])
        os.close(listener)

    def serve(self) -> None:
        """Decide on every call until the last watched process has ended."""
        _, listeners, _, _ = socket.recv_fds(self._ends[0], 1, 1)
        (listener,) = listeners
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        try:
            while poll.poll()[0][1] & select.POLLIN:
                with suppress(FileNotFoundError):  # it was killed meanwhile
                    self._decide(listener)
        except BaseException as error:
            self.error = error
            raise
        finally:
            os.close(listener)

    def _decide(self, listener: int) -> None:
        asked = bytearray(80)
        ioctl(listener, _RECEIVE, asked)
        id_, thread, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", asked)
        failed = 0
        with suppress(ProcessLookupError, FileNotFoundError):
            call = _call(thread, number, arguments)
            if call.process in self._killed:
                return  # another thread's, already waiting when its process was killed: it is never done
            self.calls.append(call)
            failed = self.rule(call)
            if failed == NO_ANSWER:
                self._killed.add(call.process)
        if failed != NO_ANSWER:
            ioctl(listener, _SEND, struct.pack("=QqiI", id_, 0, -failed, 0 if failed else _GO_ON))


@contextmanager
def watched(rule: Rule = lambda _: 0) -> Iterator[Watch]:
    """Watch what is started with `preexec_fn=watch.enter`; exactly one process must be."""
    watch = Watch(rule)
    thread = threading.Thread(target=watch.serve, daemon=True)
    thread.start()
    yield watch
    for end in watch._ends:
        end.close()
    thread.join(60)
    assert not thread.is_alive(), "the watched process still runs"
    assert watch.error is None, repr(watch.error)
    assert watch.calls, "nothing was seen: a proof that watches nothing proves nothing"


def at_call(number: int, matching: Callable[[Call], bool], do: Callable[[Call], int]) -> Rule:
    """A rule that does something at the `number`th call (from 1) that matches."""
    seen = 0

    def rule(call: Call) -> int:
        nonlocal seen
        seen += matching(call)
        return do(call) if matching(call) and seen == number else 0

    return rule


def kill(call: Call) -> int:
    """End the process that calls, before its call is done: it is never answered."""
    os.kill(call.process, signal.SIGKILL)
    return NO_ANSWER


def _call(thread: int, number: int, arguments: list[int]) -> Call:
    name = next(name for name, n in _NUMBERS[platform.machine()].items() if n == number)
    status = Path(f"/proc/{thread}/status").read_text()
    process = int(status.partition("Tgid:")[2].split()[0])
    if name not in _PATHS:
        fd = arguments[0] & 0xFFFFFFFF
        return Call(name, process, str(Path(f"/proc/{thread}/fd/{fd}").readlink()), fd=fd)
    texts = [_text(thread, arguments[n]) for n in _PATHS[name]]
    return Call(name, process, texts[0], to=texts[-1] if len(texts) > 1 else "")


def _text(thread: int, address: int) -> str:
    with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(4096).partition(b"\0")[0].decode()


def _listen() -> int:
    """Put the filter on this process and return the file by which it is asked."""
    machine = platform.machine()
    numbers = list(_NUMBERS[machine].values())
    # Load the architecture; another one passes. Load the number; those of the table are asked about.
    program = [(0x20, 0, 0, 4), (0x15, 0, len(numbers) + 1, _ARCHITECTURES[machine]), (0x20, 0, 0, 0)]
    program += [(0x15, len(numbers) - n, 0, number) for n, number in enumerate(numbers)]
    program += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FC00000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    _checked(_LIBC.prctl(38, 1, 0, 0, 0))  # no new privileges: else only root may filter
    seccomp = 317 if machine == "x86_64" else 277
    return _checked(_LIBC.syscall(seccomp, 1, 1 << 3, head))  # set a filter, return its listener


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
