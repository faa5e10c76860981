"""What people call things at the command line: a login for a person, a code for a unit, a key for a role.

A name that nothing goes by becomes an id that nothing has, so that whoever may not look at such things is told the
same as always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import func, literal, select

from steward_core.clients.models import Client, Product
from steward_tenants.access.models import Role
from steward_tenants.database.session import TenantSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.oauth.models import ApiClient
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User

Person = Annotated[str, typer.Argument(metavar="PERSON", help="登录名或编号。Login or id of a person.")]
NOTHING = UUID(int=2**128 - 1)
"""The id that nothing has."""
UNIT_HELP = "部门编码或编号。Code or id of a unit."
CLIENT_HELP = "客户编码或编号。Code or id of a client."


@dataclass(frozen=True)
class NameOf:
    """The column by which people name a row of `table`."""

    table: type[TenantTable]
    column: Any


PERSON = NameOf(User, User.login)
UNIT = NameOf(OrgUnit, OrgUnit.code)
ROLE = NameOf(Role, Role.key)
API_CLIENT = NameOf(ApiClient, ApiClient.name)
CLIENT = NameOf(Client, Client.code)
PRODUCT = NameOf(Product, Product.code)

REFERENCES: Mapping[str, NameOf] = {
    "user_id": PERSON,
    "subject_user_id": PERSON,
    "owner_id": PERSON,
    "deputy_id": PERSON,
    "to_owner_id": PERSON,
    "unit_id": UNIT,
    "parent_id": UNIT,
    "role_id": ROLE,
    "client_id": CLIENT,
    "client_ids": CLIENT,
    "survivor_id": CLIENT,
    "absorbed_id": CLIENT,
    "product_id": PRODUCT,
}
"""Parameters of commands that take a name in the place of an id."""
_ELSEWHERE: Mapping[str, Mapping[str, NameOf]] = {
    "oauth": {"client_id": API_CLIENT},
    "clients": {"parent_id": CLIENT},
}
"""What a name means otherwise in the commands whose key begins so."""


def reference(command: str, parameter: str) -> NameOf | None:
    """What a parameter of a command names, if it takes names."""
    return _ELSEWHERE.get(command.partition(".")[0], {}).get(parameter) or REFERENCES.get(parameter)


def as_id(text: str) -> UUID | None:
    """The id that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


async def named(session: TenantSession, kind: NameOf, text: str) -> UUID:
    """The id that `text` is or names."""
    given = as_id(text)
    if given is not None:
        return given
    table: Any = kind.table
    name = text.strip()
    wanted = func.lower(literal(name)) if kind is PERSON else literal(name)
    found: UUID | None = await session.scalar(select(table.id).where(session.within(kind.table), kind.column == wanted))
    return found or NOTHING
