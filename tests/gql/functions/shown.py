"""Walks what a function answered along its declared shape, as the engine does, and holds every value to its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from steward_graphql.declared.scalars import EnumKind, Scalar
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf, ObjectShape, Shape
from steward_graphql.functions.all import functions
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession
from tests.gql.world import ZONE, Tenant

BY_NAME = {one.name: one for one in functions()}
PYTHON: Mapping[str, Any] = {
    "ID": UUID,
    "String": str,
    "Int": int,
    "Boolean": bool,
    "Decimal": Decimal,
    "Fen": int,
    "Date": date,
    "DateTime": datetime,
}


def shown(shape: Shape, value: Any, *, nullable: bool = False) -> Any:
    """The value as plain Python; fails where it is not of its shape."""
    if value is None:
        assert nullable, f"null for {shape}"
        return None
    if isinstance(shape, ListOf):
        return [shown(shape.item, item) for item in value]
    if isinstance(shape, ObjectShape):
        return {
            one.name: shown(one.shape, one.of(value), nullable=one.nullable or isinstance(one.shape, EntityRef))
            for one in shape.parts
        }
    if isinstance(shape, EntityRef):
        assert isinstance(value, UUID)
        return value
    if isinstance(shape, EnumKind):
        assert value in {key for key, _ in shape.members}, f"{value} is not in {shape.name}"
        return str(value)
    assert isinstance(shape, Scalar)
    if shape.name == "JSON":
        json.dumps(value, allow_nan=False)
        return value
    assert isinstance(value, PYTHON[shape.name]), f"{value!r} is no {shape.name}"
    return value


def asked_by(database: Database, tenant: Tenant, who: str, **changes: Any) -> Asked:
    """What a function is given when this person asks."""
    values = {"today": tenant.day, "zone": ZoneInfo(ZONE), "locale": "zh-CN", "request_id": "r-1", **changes}
    return Asked(tenant.caller(who), database, **values)


async def called(session: ReadSession, asked: Asked, name: str, /, **arguments: Any) -> Any:
    """What a function answers, walked along its shape."""
    function: Function = BY_NAME[name]
    known = {one.python_name for one in function.arguments}
    assert set(arguments) <= known, f"{set(arguments) - known} are no arguments of {name}"
    value = await function.call(session, asked, **arguments)
    return shown(function.result, value, nullable=function.nullable)


async def ask(database: Database, tenant: Tenant, who: str, name: str, /, **arguments: Any) -> Any:
    """What a person gets from a function."""
    asked = asked_by(database, tenant, who)
    async with database.read(tenant.id, asked.caller.actor) as session:
        return await called(session, asked, name, **arguments)
