"""A company in the database for the tests of approvals: a tree of units with people and roles, and a subject whose
domain can be told to refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from steward_core.approvals import commands  # noqa: F401 - declares commands and subjects
from steward_core.approvals.conditions import FieldKind, Value
from steward_core.approvals.ledger import read_trails
from steward_core.approvals.models import Approval, ApprovalSeat, RequestKind
from steward_core.approvals.requests import create_request
from steward_core.approvals.service import decide, start
from steward_core.approvals.subjects import ApprovalSubject, Found, Settled, by_supervisor, declare_subject
from steward_core.approvals.trail import Act, Entry
from steward_core.permissions import APPROVALS_MANAGE, APPROVALS_VIEW
from steward_tenants.access.models import Duty
from steward_tenants.access.queries import actor_of
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Conflict
from steward_tenants.organisation.models import OrgUnit, UnitPath
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual
from tests.factories import EARLY, TESTS, assign, make_role, make_tenant, make_unit, make_user

TODAY = date(2026, 11, 23)


@dataclass
class Thing:
    """Something that needs a yes, kept in memory: what is found of it, and what its domain was told."""

    owner_id: UUID
    unit_id: UUID | None = None
    client_id: UUID | None = None
    values: dict[str, Value] | None = None
    told: list[tuple[Settled, UUID | None, str]] | None = None
    refuses: bool = False


class Stubborn(Conflict):
    """The thing's domain does not go along."""

    code = "thing_refuses"


THINGS: dict[UUID, Thing] = {}


async def _find(_session: TenantSession, thing_id: UUID) -> Found:
    thing = THINGS[thing_id]
    return Found("一件事", thing.owner_id, thing.unit_id, thing.values or {"days": 1}, thing.client_id)


async def _settle(_session: WriteSession, thing_id: UUID, outcome: Settled, by: UUID | None, reason: str) -> None:
    thing = THINGS[thing_id]
    if thing.refuses:
        raise Stubborn
    thing.told = [*(thing.told or []), (outcome, by, reason)]


THING = declare_subject(
    ApprovalSubject("tests_thing", Bilingual("一件事", "A thing"), {"days": FieldKind.NUMBER}, _find, _settle),
    default=by_supervisor("tests_thing", Bilingual("一件事", "A thing")),
)


@dataclass
class Company:
    """A root unit with a general manager (lead) and an administrator; below it a team with two supervisors (Bo, Chen)
    and two managers (Anna, Ella)."""

    database: Database
    tenant: UUID
    root: UUID
    team: UUID
    people: dict[str, User]
    roles: dict[str, UUID]
    known: dict[str, Actor] = field(default_factory=dict)

    def id(self, name: str) -> UUID:
        """A person's id."""
        return self.people[name].id

    async def actor(self, name: str) -> Actor:
        """A person with the roles of the company's first day."""
        if name not in self.known:
            async with self.database.read(self.tenant, TESTS) as session:
                self.known[name] = await actor_of(session, self.people[name], TODAY)
        return self.known[name]

    async def ask(self, name: str = "anna", kind: RequestKind = RequestKind.GENERAL, **more: Any) -> UUID:
        """A submitted request of somebody's; the id of its approval."""
        async with self.database.write(self.tenant, await self.actor(name)) as session:
            request = await create_request(session, kind=kind, title="一项申请", submit=True, today=TODAY, **more)
            found = await session.scalar(
                select(Approval.id).where(session.within(Approval), Approval.subject_id == request.id)
            )
        return UUID(str(found))

    async def ask_thing(self, thing: Thing, name: str = "anna") -> tuple[UUID, UUID]:
        """A thing submitted: its id and that of its approval."""
        thing_id = new_id()
        THINGS[thing_id] = thing
        async with self.database.write(self.tenant, await self.actor(name)) as session:
            approval = await start(session, "tests_thing", thing_id, today=TODAY)
        return thing_id, approval.id

    async def do(self, name: str, approval_id: UUID, act: Act, *, turn: int | None = None, **more: Any) -> Approval:
        """Somebody decides, on what they see now unless `turn` says otherwise."""
        async with self.database.write(self.tenant, await self.actor(name)) as session:
            if turn is None:
                turn = (await self._get(session, approval_id)).turn
            return await decide(session, approval_id, act=act, turn=turn, **more)

    async def get(self, approval_id: UUID) -> Approval:
        """An approval as it is stored."""
        async with self.database.read(self.tenant, TESTS) as session:
            return await self._get(session, approval_id)

    async def _get(self, session: TenantSession, approval_id: UUID) -> Approval:
        found = await session.get(Approval, approval_id)
        assert found is not None
        return found

    async def seats(self, approval_id: UUID) -> dict[str, str]:
        """Who may decide, and for whom, by name."""
        names = {user.id: name for name, user in self.people.items()}
        async with self.database.read(self.tenant, TESTS) as session:
            rows = await session.rows(
                select(ApprovalSeat.user_id, ApprovalSeat.asked_id).where(
                    session.within(ApprovalSeat), ApprovalSeat.approval_id == approval_id
                )
            )
        return {names[row[0]]: names[row[1]] for row in rows}

    async def trail(self, approval_id: UUID) -> list[Entry]:
        """An approval's trail."""
        async with self.database.read(self.tenant, TESTS) as session:
            return (await read_trails(session, [approval_id]))[approval_id]


def below(session: WriteSession, parent: OrgUnit) -> OrgUnit:
    """A new unit right below a root."""
    unit = make_unit(session)
    session.add(UnitPath(ancestor_id=parent.id, descendant_id=unit.id, valid_from=EARLY, depth=1))
    return unit


async def make_company(database: Database) -> Company:
    """A fresh one."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        root, members = make_unit(session), dict[str, User]()
        await session.flush()
        team = below(session, root)
        await session.flush()
        supervisor = make_role(session, [APPROVALS_VIEW], key="supervisor")
        manager = make_role(session, [APPROVALS_VIEW], key="account_manager")
        admin = make_role(session, [APPROVALS_VIEW, APPROVALS_MANAGE], Duty.TENANT_ADMIN, key="tenant_admin")
        finance = make_role(session, [], key="finance")
        for name, unit in {
            "gm": root.id,
            "admin": root.id,
            "fiona": root.id,
            "bo": team.id,
            "chen": team.id,
            "anna": team.id,
            "ella": team.id,
        }.items():
            members[name] = make_user(session, unit_id=unit)
        await session.flush()
        assign(session, members["gm"], supervisor, Scope.SUBTREE)
        assign(session, members["admin"], admin, Scope.ALL)
        assign(session, members["fiona"], finance, Scope.ALL)
        for name in ("bo", "chen"):
            assign(session, members[name], supervisor, Scope.SUBTREE)
        for name in ("anna", "ella"):
            assign(session, members[name], manager, Scope.OWN)
        roles = {"supervisor": supervisor.id, "finance": finance.id}
    return Company(database, tenant, root.id, team.id, members, roles)


async def count(session: TenantSession, table: Any, *conditions: Any) -> int:
    """How many rows there are."""
    return int(await session.scalar(select(func.count()).select_from(table).where(session.within(table), *conditions)))
