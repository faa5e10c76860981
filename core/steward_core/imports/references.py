"""What files name by codes and logins, looked up for a whole chunk: clients, units, people, classes of clients."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import String, any_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from steward_core.clients.models import Client, ClientKind, ClientStatus, ClientTier, Metric
from steward_core.clients.row_kinds import CLIENT
from steward_core.imports.fields import problem
from steward_core.imports.plans import ImportRow
from steward_core.imports.work import given, refused
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import RowPlace, reaches, reaches_everything
from steward_tenants.database.actor import Scope
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem
from steward_tenants.organisation.models import OrgUnit, UnitPath, UnitStatus
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual


class FoundClient(NamedTuple):
    """A client that a row names by its code. `reached`: the actor may work on it."""

    id: UUID
    reached: bool
    status: str


class FoundPerson(NamedTuple):
    """A person that a row names by login or employee number."""

    id: UUID
    unit_id: UUID | None


def among(column: Any, values: Sequence[Any], kind: Any = None) -> Any:
    """The condition that a column is one of many values, as one array."""
    return column == any_(bindparam(None, list(values), type_=ARRAY(kind if kind is not None else String())))


async def clients_by_code(
    session: TenantSession, codes: Sequence[str], permission: Permission, today: date, *, hold: bool = False
) -> dict[str, FoundClient]:
    """The clients of these codes, reached or not. With `hold` none of them is merged before this transaction ends."""
    if not codes:
        return {}
    reached = CLIENT.within_reach(session, permission, today).label("reached")
    statement = select(Client.code, Client.id, reached, Client.status).where(
        session.within(Client), among(Client.code, codes)
    )
    if hold:
        statement = statement.order_by(Client.id).with_for_update(of=Client, read=True, key_share=True)
    rows = await session.rows(statement)
    return {row[0]: FoundClient(*row[1:]) for row in rows}


async def find_clients(
    session: TenantSession, rows: Sequence[ImportRow], permission: Permission, today: date, *, hold: bool = False
) -> dict[int, UUID]:
    """The client of each row by its field `client`, by row number; rows whose client is not there are refused."""
    known = await clients_by_code(session, given(rows, "client"), permission, today, hold=hold)
    found = {}
    for row in rows:
        code = row.values.get("client")
        client = known.get(code) if code is not None else None
        if code is None:
            if not any(one.path == ("client",) for one in row.problems):
                refused(row, problem("client", "missing", "缺少客户编码。", "The client's code is missing."))
        elif client is None or not client.reached:
            refused(row, problem("client", "client_not_found", f"找不到客户 {code[:64]}。", "No such client."))
        elif client.status == ClientStatus.MERGED:
            refused(
                row, problem("client", "client_is_merged", "该客户已被合并。", "The client was merged into another.")
            )
        else:
            found[row.number] = client.id
    return found


async def units_by_code(session: TenantSession, codes: Sequence[str]) -> dict[str, UUID]:
    """The active units of these codes."""
    if not codes:
        return {}
    rows = await session.rows(
        select(OrgUnit.code, OrgUnit.id).where(
            session.within(OrgUnit), among(OrgUnit.code, codes), OrgUnit.status == UnitStatus.ACTIVE
        )
    )
    return {row[0]: row[1] for row in rows}


async def people(session: TenantSession, names: Collection[str]) -> dict[str, FoundPerson]:
    """The people who go by these logins or employee numbers, disabled ones left out."""
    if not names:
        return {}
    wanted = sorted({*names, *(name.casefold() for name in names)})
    rows = await session.rows(
        select(User.login, User.employee_number, User.id, User.unit_id).where(
            session.within(User),
            or_(among(User.login, wanted), among(User.employee_number, wanted)),
            User.status.in_([UserStatus.ACTIVE, UserStatus.INVITED]),
        )
    )
    found: dict[str, FoundPerson] = {}
    for login, number, user_id, unit_id in (tuple(row) for row in rows):
        found[login] = FoundPerson(user_id, unit_id)
        if number is not None:
            found.setdefault(number, FoundPerson(user_id, unit_id))
    return {name: person for name in names if (person := found.get(name) or found.get(name.casefold()))}


async def kinds_in_use(session: TenantSession) -> dict[str, Bilingual]:
    """The tenant's kinds of clients that new rows may have."""
    return await _classes(session, ClientKind)


async def tiers_in_use(session: TenantSession) -> dict[str, Bilingual]:
    """The tenant's tiers that rows may have."""
    return await _classes(session, ClientTier)


async def _classes(session: TenantSession, table: Any) -> dict[str, Bilingual]:
    rows = await session.rows(
        select(table.key, table.title_zh, table.title_en)
        .where(session.within(table), table.retired.is_(False))
        .order_by(table.key)
    )
    return {row[0]: Bilingual(row[1], row[2]) for row in rows}


async def metrics_in_use(session: TenantSession, *, retired: bool = False) -> dict[str, Metric]:
    """The metrics that the tenant takes, by key; with `retired` those too that it takes no more."""
    statement = select(Metric).where(session.within(Metric)).order_by(Metric.key)
    if not retired:
        statement = statement.where(Metric.retired.is_(False))
    rows: Iterable[Metric] = await session.scalars(statement)
    return {row.key: row for row in rows}


class Reach:
    """Whether the actor would reach a row that stands at a place, for rows that are not there yet."""

    def __init__(
        self, session: TenantSession, permission: Permission, ancestors: Mapping[UUID, frozenset[UUID]]
    ) -> None:
        self._actor = session.actor
        self._everything = reaches_everything(session.actor, permission)
        self._grants = [grant for grant in session.actor.grants if permission.key in grant.permissions]
        self._ancestors = ancestors

    def covers(self, owner_id: UUID | None, unit_id: UUID | None, deputy_id: UUID | None) -> bool:
        """Whether a row of this owner, unit and deputy is reached."""
        if self._everything:
            return True
        above = self._ancestors.get(unit_id, frozenset({unit_id})) if unit_id is not None else frozenset()
        place = RowPlace(owner_id, unit_id, above, deputy_id)
        return any(reaches(self._actor, grant, place) for grant in self._grants)


async def reach_of(session: TenantSession, permission: Permission, today: date) -> Reach:
    """The actor's reach; the tree of units is read only where it counts."""
    subtree = any(
        grant.scope is Scope.SUBTREE and permission.key in grant.permissions for grant in session.actor.grants
    )
    if reaches_everything(session.actor, permission) or not subtree:
        return Reach(session, permission, {})
    rows = await session.rows(
        select(UnitPath.descendant_id, UnitPath.ancestor_id).where(
            session.within(UnitPath), UnitPath.valid_from <= today, UnitPath.valid_until > today
        )
    )
    ancestors: dict[UUID, set[UUID]] = {}
    for below, above in (tuple(row) for row in rows):
        ancestors.setdefault(below, set()).add(above)
    return Reach(session, permission, {unit: frozenset(found) for unit, found in ancestors.items()})


def unknown(path: str, value: Any, zh: str, en: str) -> FieldProblem:
    """The problem that a name stands for nothing here."""
    shown = str(value)[:64]
    return problem(path, "not_found", f"找不到{zh}“{shown}”。", f"There is no such {en}.")
