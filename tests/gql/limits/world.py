"""A small API for the tests of limits: its names are as the schema builder makes them."""

from __future__ import annotations

from typing import Any

from graphql import parse

from steward_graphql.compiler.operation import Operation, select_operation
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import (
    Batched,
    Catalogue,
    Entity,
    ListRoot,
    OneRoot,
    Special,
    column,
    many,
    one,
)
from steward_graphql.declared.scalars import ID, STRING
from steward_graphql.declared.shapes import Argument, EntityRef, Function, ListOf, Mutation, ObjectShape, Part
from steward_graphql.schema.build import build_api
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

TEXT = Bilingual("测试", "For tests")


async def _never(*_: Any, **__: Any) -> Any:
    raise AssertionError("nothing runs here")


PERSON = Entity(
    "Person",
    User,
    TEXT,
    (
        column(User.name, "姓名", "Name", filter=True, order=True, group=True),
        one("unit", "OrgUnit", User.unit_id, "机构", "Unit"),
        Batched("secret", STRING, TEXT, _never),
    ),
    specials=(Special("search", TEXT, _never, STRING), Special("below", TEXT, _never, ID)),
)
UNIT = Entity(
    "OrgUnit",
    OrgUnit,
    TEXT,
    (
        column(OrgUnit.code, "代码", "Code", filter=True, order=True),
        many("people", "Person", "unit_id", "人员", "People", filter=True),
    ),
)
FOUND = ObjectShape(
    "Found", TEXT, (Part("people", ListOf(EntityRef("Person")), TEXT), Part("best", EntityRef("Person"), TEXT))
)
API: Api = build_api(
    [
        Catalogue(
            (PERSON, UNIT),
            (ListRoot("people", "Person", TEXT), ListRoot("units", "OrgUnit", TEXT), OneRoot("person", "Person", TEXT)),
        )
    ],
    [Function("find", TEXT, FOUND, _never, cost=30)],
    [
        Mutation(
            "rename",
            TEXT,
            _never,
            (Part("person", EntityRef("Person"), TEXT),),
            (Argument("name", STRING, TEXT),),
            cost=50,
        )
    ],
    [],
    frozenset(),
)


def operation(text: str, name: str | None = None) -> Operation:
    """The operation of a text."""
    return select_operation(parse(text), text, name)
