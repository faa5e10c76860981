"""What floors above put into every new tenant, in the transaction that furnishes it."""

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
