"""What floors above do whenever events were sealed, in the transaction of the seal."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from steward_tenants.database.session import WriteSession

log = logging.getLogger(__name__)
WhenSealed = Callable[[WriteSession], Awaitable[None]]
_hooks: list[WhenSealed] = []


def when_sealed(hook: WhenSealed) -> WhenSealed:
    """Have `hook` called after each seal that is written; it stands or falls with the seal."""
    _hooks.append(hook)
    return hook


async def tell_of_seal(session: WriteSession) -> None:
    """Call what was registered. A hook that fails is undone and logged: it must not keep the log from being sealed."""
    for hook in _hooks:
        try:
            async with session.savepoint():
                await hook(session)
        except Exception as error:
            log.error("a hook after sealing failed: %s", type(error).__name__)  # noqa: TRY400 - no texts
