"""Work that follows an answer instead of delaying it: mails, and notes of failed sign-ins. What is done here may be
lost when the process dies; whatever may not be lost goes through the outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)
_running: set[asyncio.Task[None]] = set()


def run_soon(work: Coroutine[Any, Any, object], name: str) -> None:
    """Start `work` without waiting for it. A failure is logged under `name`, without its text: that may be personal."""
    task = asyncio.get_running_loop().create_task(_guarded(work, name))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _guarded(work: Coroutine[Any, Any, object], name: str) -> None:
    try:
        await work
    except Exception as error:  # the answer has gone; nobody is left to tell
        log.error("%s failed: %s", name, type(error).__name__)  # noqa: TRY400 - its text may be personal


async def settled() -> None:
    """Wait until everything started so far is done; the application awaits it before it closes the database."""
    loop = asyncio.get_running_loop()
    while mine := [task for task in _running if task.get_loop() is loop]:
        await asyncio.wait(mine)
