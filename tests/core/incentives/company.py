"""A small sales company: a department with teams, people who bring in revenue, two payroll officers, and a scheme."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.models import Approval
from steward_core.approvals.service import decide, of_subject
from steward_core.approvals.trail import Act
from steward_core.clients.models import Metric
from steward_core.incentives import commands  # noqa: F401 - declares the kind of run
from steward_core.incentives.members import NewMember, add_members
from steward_core.incentives.models import PayLine, PayRun, PayScheme, PayStatement
from steward_core.incentives.scheme_book import add_version, create_scheme
from steward_core.incentives.service import request_pay_run, submit_pay_run
from steward_core.incentives.statements import Role
from steward_core.incentives.templates import TEAM_COMMISSION
from steward_core.performance.settings import REVENUE_METRICS
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, drive
from steward_tenants.access.models import Role as AccessRole
from steward_tenants.access.queries import actor_of
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import UnitPath
from steward_tenants.people.models import User
from tests.core.factories import make_client, make_kinds
from tests.core.gradings.county import add_facts
from tests.factories import EARLY, TESTS, assign, make_tenant, make_unit, make_user

OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (10, 11, 12))
TODAY = date(2026, 12, 8)
BILL = "bill"
TOOLS = RunTools(files=None)  # type: ignore[arg-type]  # a pay run reads and writes no files


def document(method: str = "slab", **changes: Any) -> dict[str, Any]:
    """The shipped scheme with the figures that only a company can set."""
    made: dict[str, Any] = {**copy.deepcopy(dict(TEAM_COMMISSION.content)), "method": method}
    made["probation"]["responsibility_base_pay"] = 200_000
    made["technician"]["base_pay"] = 260_000
    return {**made, **changes}


@dataclass
class Company:
    """Units by name (department, and the teams east and west below it), people by name, their actors."""

    database: Database
    tenant: UUID
    units: dict[str, UUID] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    clients: dict[str, UUID] = field(default_factory=dict)
    scheme: UUID | None = None

    @property
    def scheme_id(self) -> UUID:
        """Its one scheme."""
        assert self.scheme is not None
        return self.scheme

    def name_of(self, person: UUID) -> str:
        """What the person is called here."""
        return next(name for name, user in self.people.items() if user.id == person)


async def make_company(database: Database, *names: str, **figures: Any) -> Company:
    """A company with these people beside the two payroll officers, `first` and `second`; the scheme's document may be
    changed by `figures`, and is in force since 2026."""
    company = Company(database, await make_tenant(database))
    async with database.write(company.tenant, TESTS) as session:
        await install_builtin_roles(session)
        make_kinds(session)
        session.add(Metric(key=BILL, title_zh="出账", title_en="Bill", measure="fen", grain="month", additive=True))
        for name in ("department", "east", "west"):
            company.units[name] = make_unit(session, name=name).id
        for name in ("east", "west"):
            session.add(
                UnitPath(
                    ancestor_id=company.units["department"],
                    descendant_id=company.units[name],
                    valid_from=EARLY,
                    depth=1,
                )
            )
        await session.flush()
        for name in ("first", "second"):
            await join(session, company, name, "payroll_officer", Scope.ALL)
        for name in names:
            await join(session, company, name, "account_manager", Scope.OWN)
        await set_setting(session, REVENUE_METRICS.key, [BILL])
        scheme = await create_scheme(session, "team", "团队提成", "Team commission", today=TODAY)
        await session.flush()
        await add_version(session, scheme.id, date(2026, 1, 1), {**document(), **figures}, today=TODAY)
        company.scheme = scheme.id
    return company


async def join(session: WriteSession, company: Company, name: str, role: str, scope: Scope, unit: str = "east") -> User:
    """Somebody with a built-in role, of a unit."""
    user = make_user(session, name=name, unit_id=company.units[unit])
    await session.flush()
    held = await session.find(AccessRole, AccessRole.key == role)
    assert held is not None
    assign(session, user, held, scope)
    await session.flush()
    company.people[name] = user
    company.actors[name] = await actor_of(session, user, TODAY)
    return user


async def pay(
    company: Company, *people: str, role: Role = Role.SALES, since: date = date(2026, 1, 1), **more: Any
) -> None:
    """Have these people be paid by the scheme; of the unit `unit`, else of their own."""
    unit = more.pop("unit", None)
    async with company.database.write(company.tenant, company.actors["first"]) as session:
        await add_members(
            session,
            company.scheme_id,
            [
                NewMember(
                    company.people[name].id, role, since, unit_id=None if unit is None else company.units[unit], **more
                )
                for name in people
            ],
            today=TODAY,
        )


async def earn(company: Company, figures: Mapping[str, int], *months: date) -> None:
    """Clients of these people bring in so much (fen) in each of the months, November unless said."""
    async with company.database.write(company.tenant, TESTS) as session:
        for name in figures:
            if name not in company.clients:
                user = company.people[name]
                company.clients[name] = make_client(session, owner_id=user.id, unit_id=user.unit_id).id
        await session.flush()
        by_client: Mapping[UUID, Mapping[str, float]] = {
            company.clients[name]: {BILL: fen} for name, fen in figures.items()
        }
        await add_facts(session, by_client, months or (NOVEMBER,))


async def requested(
    company: Company, month: date = NOVEMBER, *, by: str = "first", reason: str | None = None
) -> tuple[PayRun, Run]:
    """A pay run that was asked for."""
    async with company.database.write(company.tenant, company.actors[by]) as session:
        return await request_pay_run(session, company.scheme_id, month, today=TODAY, reason=reason)


async def drafted(company: Company, month: date = NOVEMBER, *, by: str = "first", reason: str | None = None) -> PayRun:
    """A draft of the month."""
    pay_run, run = await requested(company, month, by=by, reason=reason)
    await drive(company.database, company.tenant, company.actors[by], run.id, TOOLS)
    return await now(company, pay_run.id)


async def submitted(company: Company, pay_run: PayRun, *, by: str = "first") -> Approval:
    """The approval that the draft waits for."""
    async with company.database.write(company.tenant, company.actors[by]) as session:
        await submit_pay_run(session, pay_run.id, today=TODAY)
    async with company.database.read(company.tenant, TESTS) as session:
        found = await of_subject(session, "pay_run", pay_run.id)
    assert found is not None
    return found


async def settled(company: Company, approval: Approval, act: Act = Act.APPROVE, *, by: str = "second") -> None:
    """The approval, decided."""
    async with company.database.write(company.tenant, company.actors[by]) as session:
        await decide(session, approval.id, act=act, turn=approval.turn, reason="已核对")


async def approved(
    company: Company, month: date = NOVEMBER, *, by: str = "first", second: str = "second", reason: str | None = None
) -> PayRun:
    """An approved run of the month."""
    pay_run = await drafted(company, month, by=by, reason=reason)
    await settled(company, await submitted(company, pay_run, by=by), by=second)
    return await now(company, pay_run.id)


async def now(company: Company, run_id: UUID) -> PayRun:
    """The pay run as it is."""
    async with company.database.read(company.tenant, TESTS) as session:
        found = await session.get(PayRun, run_id)
    assert found is not None
    return found


async def figures_of(company: Company, pay_run: PayRun) -> dict[str, dict[str, int]]:
    """The lines of each person's statement, fen by rule."""
    async with company.database.read(company.tenant, TESTS) as session:
        rows = await session.rows(
            select(PayStatement.person_id, PayLine.rule, PayLine.fen)
            .join(PayLine, PayLine.statement_id == PayStatement.id)
            .where(session.within(PayStatement), session.within(PayLine), PayStatement.run_id == pay_run.id)
            .order_by(PayStatement.id, PayLine.position)
        )
    found: dict[str, dict[str, int]] = {}
    for person, rule, fen in rows:
        assert rule not in found.setdefault(company.name_of(person), {})
        found[company.name_of(person)][rule] = fen
    return found


async def totals(company: Company, pay_run: PayRun) -> dict[str, int]:
    """What each person is paid."""
    async with company.database.read(company.tenant, TESTS) as session:
        rows = await statements(session, pay_run.id)
    assert len({one.person_id for one in rows}) == len(rows)
    return {company.name_of(one.person_id): one.total for one in rows if one.total is not None}


async def statements(session: TenantSession, run_id: UUID) -> Sequence[PayStatement]:
    """The statements of a run."""
    return await session.scalars(
        select(PayStatement)
        .where(session.within(PayStatement), PayStatement.run_id == run_id)
        .order_by(PayStatement.person_id)
    )


async def scheme_now(company: Company) -> PayScheme:
    """The scheme as it is."""
    async with company.database.read(company.tenant, TESTS) as session:
        found = await session.get(PayScheme, company.scheme_id)
    assert found is not None
    return found
