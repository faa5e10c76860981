"""Mutations that see to their own transactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from steward_graphql.declared.shapes import Argument, Asked, Mutation
from steward_graphql.mutations.derive import told_of_input, untangled
from steward_graphql.mutations.payloads import Result, payload
from steward_tenants.access.permissions import Permission
from steward_tenants.database.database import Database
from steward_tenants.texts import Bilingual

Work = Callable[..., Awaitable[Any]]


def edge(
    name: str,
    text: Bilingual,
    work: Work,
    *,
    results: Sequence[Result],
    arguments: Sequence[Argument],
    permission: Permission | None,
    secret: frozenset[str] = frozenset(),
    cost: int = 100,
) -> Mutation:
    """A mutation that runs `work(database, asked, **arguments)` with its errors told in terms of the input."""

    async def call(database: Database, asked: Asked, **values: Any) -> Any:
        known = {
            one.python_name: untangled(one, values[one.python_name])
            for one in arguments
            if values.get(one.python_name) is not None
        }
        with told_of_input(arguments):
            answer = await work(database, asked, **known)
        return payload(results, answer, known)

    return Mutation(
        name,
        text,
        call,
        tuple(result.part() for result in results),
        tuple(arguments),
        permission,
        edge=True,
        secret=secret,
        cost=cost,
    )
