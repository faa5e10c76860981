"""Processes that do not outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1


def _load_prctl() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None


# Looked up at import: between fork and exec another thread's lock could be in the way.
_prctl = _load_prctl()


def end_with(parent: int) -> None:
    """End this process by SIGKILL when `parent`, which has just forked it, ends; at once when it has ended already.

    Linux only. Elsewhere a process whose parent was killed goes on to the end of its batch.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
