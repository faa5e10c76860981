"""Asking for mutations as the engine does, in tests: input as JSON gives it, read by its kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from steward_core.industry.registry import industries
from steward_core.runs.service import RunTools
from steward_graphql.declared.shapes import Argument, Asked, InputObject, Mutation
from steward_graphql.mutations.all import mutations, plugin_mutations
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.files.store import LocalFileStore
from steward_tenants.signin.caller import Caller
from steward_tenants.signin.mail import FolderMailer
from tests.factories import TESTS

TODAY = date(2026, 11, 22)


@cache
def by_name() -> Mapping[str, Mutation]:
    """Every mutation, those of the installed plugins too."""
    own = [one for loaded in industries().values() for one in plugin_mutations(loaded.industry)]
    return {one.name: one for one in (*mutations(), *own)}


def asked(
    database: Database, tenant_id: UUID, actor: Actor = TESTS, *, folder: Path | None = None, **more: Any
) -> Asked:
    """Who asks. With `folder` there are files and a mailer."""
    caller = Caller(tenant_id, actor, None, datetime.now(UTC) + timedelta(hours=1), **more)
    return Asked(
        caller,
        database,
        TODAY,
        ZoneInfo("Asia/Shanghai"),
        "zh-CN",
        "r-1",
        tools=None if folder is None else RunTools(LocalFileStore(folder / "files"), folder),
        mailer=None if folder is None else FolderMailer(folder / "mail", sender="steward@example.test"),
        public_url="https://steward.example.test",
    )


def read(arguments: Sequence[Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """Input as JSON gives it, under Python's names, each leaf read by its kind."""
    known = {one.name: one for one in arguments}
    found = {known[name].python_name: _value(known[name], value) for name, value in given.items()}
    missing = [one.name for one in arguments if one.required and one.name not in given]
    assert not missing, missing
    for one in arguments:
        if one.default is not None:
            found.setdefault(one.python_name, one.default)
    return found


def _value(argument: Argument, value: Any) -> Any:
    if value is None:
        assert not argument.required, argument.name
        return None
    if argument.listed:
        return [_one(argument, item) for item in value]
    return _one(argument, value)


def _one(argument: Argument, value: Any) -> Any:
    if isinstance(argument.kind, InputObject):
        return read(argument.kind.parts, value)
    return argument.kind.read(value)


async def ask(who: Asked, name: str, /, **given: Any) -> dict[str, Any]:
    """What a mutation answers, in a transaction of its own."""
    mutation = by_name()[name]
    values = read(mutation.arguments, given)
    if mutation.edge:
        answer: dict[str, Any] = await mutation.call(who.database, who, **values)
    else:
        async with who.database.write(who.tenant_id, who.caller.actor, request_id=who.request_id) as session:
            answer = await mutation.call(session, who, **values)
    assert set(answer) == {part.name for part in mutation.results}
    assert [part.of(answer) for part in mutation.results] == list(answer.values())
    return answer
