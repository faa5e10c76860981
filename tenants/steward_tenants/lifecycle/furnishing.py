"""What floors above put into every new tenant, and do in every restored one, in the transaction that fills it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from steward_tenants.database.session import WriteSession

Furnish = Callable[[WriteSession], Awaitable[object]]
"""Puts something into a tenant; done again it changes nothing."""

_furnishers: list[Furnish] = []


def furnish_with(call: Furnish) -> None:
    """Have every new tenant furnished by `call` as well."""
    if call not in _furnishers:
        _furnishers.append(call)


async def furnish(session: WriteSession) -> None:
    """Furnish a tenant with all of it."""
    for call in _furnishers:
        await call(session)


TakeUp = Callable[[WriteSession], Awaitable[object]]
"""Has the work of a tenant that came out of an archive go on here; the archive holds no doorbells."""

_resumptions: list[TakeUp] = []


def take_up_with(call: TakeUp) -> None:
    """Have every restored tenant's work taken up by `call` as well."""
    if call not in _resumptions:
        _resumptions.append(call)


async def take_up(session: WriteSession) -> None:
    """Take up the work of a restored tenant, once all its rows are there."""
    for call in _resumptions:
        await call(session)
