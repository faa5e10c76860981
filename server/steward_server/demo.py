"""Two invented companies for `steward up`: a telecom operator and a tobacco company, with units, people and roles.

Everything is made by the same commands that a tenant's own people use; making it again completes what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from steward_core.runs.service import RunTools
from steward_server.demo_clients import DemoIndustry, ensure_clients
from steward_tenants.access.grants import assign_role
from steward_tenants.access.models import Duty, Role, RoleAssignment
from steward_tenants.access.queries import actor_of, today
from steward_tenants.access.templates import TEMPLATES
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import Actor, operator
from steward_tenants.database.database import Database
from steward_tenants.directory.models import PlatformEvent, Tenant, TenantStatus
from steward_tenants.lifecycle.operators import platform_event
from steward_tenants.lifecycle.service import ROOT_CODE, Created, Founder, create_tenant
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.organisation.service import create_unit
from steward_tenants.people.errors import PersonExists
from steward_tenants.people.membership import create_user
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.mail import Letter
from steward_tenants.signin.recovery import accept_invitation, invite

DEMO = operator("demo")
LIVELY = ("huaxin", "yunling")
"""The companies whose months are simulated."""
MADE = "demo.made"


@dataclass(frozen=True)
class DemoUnit:
    """A unit of a demo company; `parent` None: below the company itself."""

    code: str
    name: str
    kind: str
    parent: str | None = None


@dataclass(frozen=True)
class DemoPerson:
    """A person of a demo company, with the built-in role that they hold."""

    login: str
    name: str
    role: str
    unit: str | None = None
    phone: str | None = None
    number: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class DemoCompany:
    """A demo company. Its first two people are its tenant admin and its security admin."""

    key: str
    name: str
    units: tuple[DemoUnit, ...]
    people: tuple[DemoPerson, ...]


@dataclass(frozen=True)
class Person:
    """A demo sign-in, as `up` prints it."""

    login: str
    name: str
    role: str
    company: str


TELECOM = DemoCompany(
    "huaxin",
    "华信通信（演示）",
    (
        DemoUnit("ENT", "政企客户部", "department"),
        DemoUnit("ENT-EAST", "城东支局", "branch", "ENT"),
        DemoUnit("ENT-WEST", "城西支局", "branch", "ENT"),
        DemoUnit("HR", "人力资源部", "department"),
    ),
    (
        DemoPerson("admin@huaxin.example", "王岚", "tenant_admin", title="信息主管"),
        DemoPerson("security@huaxin.example", "李默", "security_admin", title="安全主管"),
        DemoPerson("audit@huaxin.example", "周正", "auditor", "HR", "13800000103", "HX003", "审计专员"),
        DemoPerson("chen.li@huaxin.example", "陈立", "supervisor", "ENT", "13800000104", "HX004", "政企部主任"),
        DemoPerson(
            "zhao.ning@huaxin.example", "赵宁", "account_manager", "ENT-EAST", "13800000105", "HX005", "客户经理"
        ),
        DemoPerson("sun.yue@huaxin.example", "孙悦", "account_manager", "ENT-EAST", "13800000106", "HX006", "客户经理"),
        DemoPerson(
            "qian.feng@huaxin.example", "钱枫", "account_manager", "ENT-WEST", "13800000107", "HX007", "客户经理"
        ),
        DemoPerson("pay@huaxin.example", "吴敏", "payroll_officer", "HR", "13800000108", "HX008", "薪酬专员"),
    ),
)
TOBACCO = DemoCompany(
    "yunling",
    "云岭烟草（演示）",
    (
        DemoUnit("MKT", "城区营销部", "department"),
        DemoUnit("MKT-1", "第一片区", "district", "MKT"),
        DemoUnit("MKT-2", "第二片区", "district", "MKT"),
        DemoUnit("TRAIN", "培训中心", "department"),
    ),
    (
        DemoPerson("admin@yunling.example", "何静", "tenant_admin", title="信息中心主任"),
        DemoPerson("security@yunling.example", "罗平", "security_admin", title="安全管理员"),
        DemoPerson("audit@yunling.example", "郑严", "auditor", "MKT", "13900000203", "YL003", "审计专员"),
        DemoPerson("lin.tao@yunling.example", "林涛", "supervisor", "MKT", "13900000204", "YL004", "市场经理"),
        DemoPerson("ma.xiao@yunling.example", "马晓", "account_manager", "MKT-1", "13900000205", "YL005", "客户经理"),
        DemoPerson("hu.jing@yunling.example", "胡菁", "account_manager", "MKT-2", "13900000206", "YL006", "客户经理"),
        DemoPerson("train@yunling.example", "梁平", "training_officer", "TRAIN", "13900000207", "YL007", "培训管理员"),
    ),
)
COMPANIES = (TELECOM, TOBACCO)


class _NoMail:
    async def send(self, letter: Letter) -> None:
        """Invented people read no mail."""


INDUSTRIES = (
    DemoIndustry(
        "huaxin",
        "telecom",
        "admin@huaxin.example",
        "chen.li@huaxin.example",
        ("ENT-EAST", "ENT-EAST", "ENT-WEST"),
        ("zhao.ning@huaxin.example", "sun.yue@huaxin.example", "qian.feng@huaxin.example"),
    ),
    DemoIndustry(
        "yunling",
        "tobacco",
        "admin@yunling.example",
        "lin.tao@yunling.example",
        ("MKT-1", "MKT-2"),
        ("ma.xiao@yunling.example", "hu.jing@yunling.example"),
        graded_unit="MKT",
    ),
)
"""`units` and `managers` go together: each manager with the unit that they work in."""


async def ensure(database: Database, password: str, tools: RunTools | None = None) -> list[Person]:
    """Make what is missing of both companies, everybody signing in with `password`; answers all sign-ins.

    With `tools` also their industries' clients.
    """
    for company in COMPANIES:
        if not await _complete(database, company):
            await _make(database, company, password)
    if tools is not None:
        for industry in INDUSTRIES:
            await ensure_clients(database, DEMO, industry, tools)
    return [
        Person(person.login, person.name, TEMPLATES[person.role].title.zh, company.name)
        for company in COMPANIES
        for person in company.people
    ]


async def _complete(database: Database, company: DemoCompany) -> bool:
    """Whether the company was made once, whatever people have done with it since."""
    async with database.directory() as directory:
        made = (
            select(PlatformEvent.id)
            .join(Tenant, Tenant.id == PlatformEvent.tenant_id)
            .where(Tenant.key == company.key, PlatformEvent.action == MADE)
        )
        return bool(await directory.scalar(select(made.exists())))


async def _make(database: Database, company: DemoCompany, password: str) -> None:
    async with database.directory() as directory:
        known = await directory.find(Tenant, Tenant.key == company.key)
    if known is not None and known.status not in (TenantStatus.ACTIVE, TenantStatus.RESTORING):
        return
    admin, security = company.people[:2]
    if known is not None and known.status == TenantStatus.ACTIVE:
        created = await _found(database, known.id, company)
    else:
        created = await create_tenant(
            database,
            DEMO,
            key=company.key,
            name=company.name,
            admin=Founder(admin.login, admin.name),
            security_admin=Founder(security.login, security.name),
        )
    day = today(created.tenant.time_zone)
    units = await _make_units(database, created, company.units, day)
    users = {admin.login: created.admin_id, security.login: created.security_admin_id}
    for person in company.people[2:]:
        users[person.login] = await _make_person(database, created, person, units, day)
    for person in company.people:
        await _admit(database, created, users[person.login], password)
    await _grant(database, created, company.people[2:], users, day)
    async with database.directory() as directory:
        platform_event(directory, DEMO, MADE, created.tenant.id, {"key": company.key})


async def _found(database: Database, tenant_id: UUID, company: DemoCompany) -> Created:
    """What an earlier, interrupted start has made."""
    logins = [person.login for person in company.people[:2]]
    async with database.read(tenant_id, DEMO) as session:
        root = await session.scalar(select(OrgUnit.id).where(session.within(OrgUnit), OrgUnit.code == ROOT_CODE))
        rows = await session.rows(select(User.login, User.id).where(session.within(User), User.login.in_(logins)))
    ids = {row.login: row.id for row in rows}
    return Created(await tenant_facts(database, tenant_id), root, ids[logins[0]], ids[logins[1]])


async def _make_units(database: Database, created: Created, units: Sequence[DemoUnit], day: date) -> dict[str, UUID]:
    actor = await _actor(database, created, created.admin_id, day)
    async with database.write(created.tenant.id, actor) as session:
        rows = await session.rows(select(OrgUnit.code, OrgUnit.id).where(session.within(OrgUnit)))
        ids: dict[str, UUID] = {row.code: row.id for row in rows}
        for unit in units:
            if unit.code not in ids:
                parent_id = ids[unit.parent] if unit.parent else created.root_unit_id
                made = await create_unit(
                    session, code=unit.code, name=unit.name, kind=unit.kind, parent_id=parent_id, today=day
                )
                ids[unit.code] = made.id
    return ids


async def _make_person(
    database: Database, created: Created, person: DemoPerson, units: dict[str, UUID], day: date
) -> UUID:
    actor = await _actor(database, created, created.admin_id, day)
    values = {
        "login": person.login,
        "name": person.name,
        "phone": person.phone,
        "employee_number": person.number,
        "title": person.title,
    }
    try:
        user = await create_user(
            database,
            created.tenant.id,
            actor,
            fields={name: value for name, value in values.items() if value is not None},
            unit_id=units[person.unit] if person.unit else None,
            today=day,
        )
    except PersonExists:
        async with database.read(created.tenant.id, DEMO) as session:
            found: UUID = await session.scalar(select(User.id).where(session.within(User), User.login == person.login))
        return found
    return user.id


async def _grant(
    database: Database, created: Created, people: Sequence[DemoPerson], users: dict[str, UUID], day: date
) -> None:
    security = await _actor(database, created, created.security_admin_id, day)
    async with database.write(created.tenant.id, security) as session:
        rows = await session.rows(select(Role.key, Role.id).where(session.within(Role)))
        roles: dict[str, UUID] = {row.key: row.id for row in rows}
        holders = set(await session.scalars(select(RoleAssignment.user_id).where(session.within(RoleAssignment))))
        for person in people:
            if users[person.login] not in holders:
                template = TEMPLATES[person.role]
                # Nobody has signed in yet; until then only the platform gives administrative roles.
                session.actor = security if template.duty is Duty.BUSINESS else DEMO
                await assign_role(
                    session, user_id=users[person.login], role_id=roles[person.role], scope=template.scope, today=day
                )


async def _admit(database: Database, created: Created, user_id: UUID, password: str) -> None:
    async with database.read(created.tenant.id, DEMO) as session:
        user = await session.get(User, user_id)
    if user is not None and user.status == UserStatus.INVITED:
        invitation = await invite(database, _NoMail(), created.tenant.id, DEMO, user_id, public_url="http://127.0.0.1")
        await accept_invitation(database, invitation.token, password)


async def _actor(database: Database, created: Created, user_id: UUID, day: date) -> Actor:
    async with database.read(created.tenant.id, DEMO) as session:
        user = await session.get(User, user_id)
        assert user is not None
        return await actor_of(session, user, day)
