"""A catalogue of a few types, for tests of how schemas are built."""

from __future__ import annotations

from typing import Any

from steward_core.clients.models import Client
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import (
    Catalogue,
    Concrete,
    Entity,
    ListRoot,
    OneRoot,
    Special,
    Value,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import DATE, DECIMAL, FEN, ID, STRING, EnumKind
from steward_graphql.declared.shapes import (
    Argument,
    EntityRef,
    Function,
    InputObject,
    ListOf,
    Mutation,
    ObjectShape,
    Part,
    Subscription,
)
from steward_graphql.schema.build import build_api
from steward_tenants.access.permissions import PEOPLE_MANAGE, PEOPLE_VIEW, REVEAL_PAY
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

TEXT = Bilingual("说明", "A text")
COLOUR = EnumKind("Colour", Bilingual("颜色", "A colour"), (("dark-red", TEXT), ("blue", TEXT)))


async def nothing(*_: Any, **__: Any) -> Any:
    """A call that is never made here."""


def person(**changes: Any) -> Entity:
    """People, with their clients."""
    values: dict[str, Any] = {
        "view": PEOPLE_VIEW,
        "fields": (
            column(User.name, "姓名", "Name", filter=True, order=True),
            many("clients", "Client", "owner_id", "客户", "Clients", filter=True),
        ),
    }
    return Entity("Person", User, Bilingual("人员", "A person"), **{**values, **changes})


def client(**changes: Any) -> Entity:
    """Clients, with something of everything."""
    values: dict[str, Any] = {
        "fields": (
            column(Client.name, "名称", "Name", filter=True, order=True),
            one("owner", "Person", Client.owner_id, "客户经理", "Its owner"),
            column(Client.created_at, "建立时间", "When it came", filter=True, order=True, group=True),
            computed("worth", FEN, lambda row: row.table.version, "价值", "Worth", aggregate=True),
            computed("colour", COLOUR, lambda row: row.table.kind, "颜色", "Colour", filter=True, group=True),
            computed("tags", STRING, lambda row: row.table.kind, "标签", "Tags", listed=True, filter=True),
            Value("phone", STRING, TEXT, lambda row: row.table.kind, masked=True),
            Value("pay", DECIMAL, TEXT, lambda row: row.table.kind, nullable=False, permission=REVEAL_PAY),
        ),
        "specials": (
            Special("search", TEXT, nothing, kind=STRING),
            Special(
                "custom",
                TEXT,
                nothing,
                shape=(("key", STRING, True, TEXT), ("value", STRING, False, TEXT)),
                shape_name="CustomCondition",
                listed=True,
            ),
        ),
    }
    return Entity("Client", Client, Bilingual("客户", "A client"), **{**values, **changes})


ROOTS = (
    ListRoot("clients", "Client", Bilingual("客户", "Clients")),
    OneRoot("client", "Client", Bilingual("一个客户", "One client")),
    ListRoot("people", "Person", Bilingual("人员", "People")),
    OneRoot("me", "Person", Bilingual("本人", "Oneself"), of_actor="id"),
)
PLACE = InputObject("PlaceInput", TEXT, (Argument("city", STRING, TEXT, required=True),))
SUMMARY = ObjectShape(
    "Summary",
    TEXT,
    (
        Part("total", FEN, TEXT, nullable=False),
        Part("clients", ListOf(EntityRef("Client")), TEXT),
    ),
)
FUNCTION = Function(
    "summary",
    TEXT,
    SUMMARY,
    nothing,
    (
        Argument("on", DATE, TEXT, default="2026-11-05"),
        Argument("colour", COLOUR, TEXT, default="dark-red"),
        Argument("places", PLACE, TEXT, listed=True),
    ),
    nullable=False,
)
MUTATION = Mutation(
    "renameClient",
    Bilingual("改名", "Rename a client"),
    nothing,
    (Part("client", EntityRef("Client"), TEXT),),
    (Argument("id", ID, TEXT, required=True), Argument("name", STRING, TEXT, required=True)),
    permission=PEOPLE_MANAGE,
)
SUBSCRIPTION = Subscription("clientChanged", TEXT, EntityRef("Client"), nothing, (Argument("id", ID, TEXT),))


def small_api(*entities: Entity, **changes: Any) -> Api:
    """An API of these types; clients and people when none is named."""
    values: dict[str, Any] = {
        "catalogues": [Catalogue(entities or (person(), client()), ROOTS)],
        "functions": [FUNCTION],
        "mutations": [MUTATION],
        "subscriptions": [SUBSCRIPTION],
        "plugins": frozenset(),
    }
    return build_api(**{**values, **changes})


def animals() -> tuple[Entity, ...]:
    """An interface and its two types, over clients."""
    fields = (column(Client.name, "名称", "Name", filter=True),)
    common: dict[str, Any] = {"fields": fields, "interfaces": ("Animal",)}
    return (
        Entity(
            "Animal",
            Client,
            TEXT,
            fields,
            concrete=(Concrete("Cat", lambda row: row.table.kind == "cat"), Concrete("Dog", lambda row: row.table.id)),
        ),
        Entity("Cat", Client, TEXT, **common),
        Entity("Dog", Client, TEXT, **common),
    )
