"""Something done in a process forked from this one, which is killed at a moment of the caller's choice: no library is
loaded for it again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable


def killed(work: Callable[[], object], after_s: float) -> bool:
    """Begin it in a process of its own and kill that by kill -9; whether it had not ended by itself."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
