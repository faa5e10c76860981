"""What one attempt at a job may take beyond what its frame bounds: megabytes, and seconds of code that never yields."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

from steward_tenants.outbox.jobs import JobKind

MEGABYTE = 1024 * 1024
OVERTIME_SECONDS = 15.0
"""How long after its time a job may go on that does not let itself be interrupted; then its process ends."""
STATUS = Path("/proc/self/status")


def begin(kind: JobKind) -> None:
    """Bound this process for an attempt at a job: a MemoryError when it needs more private memory than its kind may
    have beyond what the process has now, SIGALRM when it does not yield for too long. Where the kernel does not tell
    what a process has, memory is not bound."""
    signal.setitimer(signal.ITIMER_REAL, kind.seconds + OVERTIME_SECONDS)
    held = held_bytes()
    if held is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = held + kind.megabytes * MEGABYTE
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def end() -> None:
    """The attempt is over."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def held_bytes() -> int | None:
    """What the kernel counts against RLIMIT_DATA now; None where it does not tell."""
    try:
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None
