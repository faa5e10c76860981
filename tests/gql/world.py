"""Three tenants (telecom on, tobacco on, both on) with people of many roles, and rows whose every text says whose it is.

Each row's texts carry a mark of its own (`~A17~`), so that a test can tell from an answer which rows it shows. Full
phone numbers, e-mail addresses and identity numbers are listed: no answer may ever hold one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from steward_core import permissions as c
from steward_core.industry.service import enable
from steward_tenants.access import permissions as p
from steward_tenants.access.models import Role
from steward_tenants.access.queries import actor_of, today
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Membership
from steward_tenants.organisation.models import OrgUnit, UnitPath, UnitPlacement
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.service import identity_place
from steward_tenants.signin.caller import Caller
from tests.factories import EARLY, TESTS, assign, make_account, make_role, make_tenant

ZONE = "Asia/Shanghai"
PLUGINS: Mapping[str, tuple[str, ...]] = {"A": ("telecom",), "B": ("tobacco",), "C": ("telecom", "tobacco")}
UNITS = {"hq": None, "east": "hq", "east1": "east", "west": "hq"}
MARK = re.compile(r"~([A-Z])(\d+)~")
Held = tuple[str, Scope, str | None]
"""A role by its key, the scope, and the unit that it means (None: the holder's own)."""
PEOPLE: Mapping[str, tuple[str, tuple[Held, ...]]] = {
    "boss": ("hq", (("supervisor", Scope.ALL, None),)),
    "lead": ("east", (("supervisor", Scope.SUBTREE, None),)),
    "team": ("east", (("supervisor", Scope.TEAM, "east1"),)),
    "am1": ("east1", (("account_manager", Scope.OWN, None),)),
    "am2": ("west", (("account_manager", Scope.OWN, None),)),
    "admin": ("hq", (("tenant_admin", Scope.ALL, None),)),
    "security": ("hq", (("security_admin", Scope.ALL, None),)),
    "auditor": ("hq", (("auditor", Scope.ALL, None),)),
    "payroll": ("west", (("payroll_officer", Scope.ALL, None),)),
    "odd": ("east", (("odd_clients", Scope.OWN, None), ("odd_forms", Scope.TEAM, "west"))),
    "nobody": ("west", ()),
}
ODD_ROLES = {
    "odd_clients": (c.CLIENTS_VIEW, p.REVEAL_PHONE, c.FACTS_VIEW),
    "odd_forms": (c.FORMS_VIEW, p.UNITS_VIEW, c.CLIENTS_EDIT),
}
READERS = ("boss", "lead", "am1", "odd", "auditor", "nobody")
"""Roles that differ most in what they see; tests that cannot afford all take these."""


@dataclass(frozen=True)
class Marked:
    """What a mark stands for: the tenant's letter, the row's table and id (the id None: the tenant's own)."""

    letter: str
    table: str
    row_id: Any


@dataclass
class Tenant:
    """One tenant of the world. Dictionaries are by the names of `PEOPLE` and `UNITS`."""

    letter: str
    id: UUID
    plugins: frozenset[str]
    people: dict[str, User] = field(default_factory=dict)
    units: dict[str, OrgUnit] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    marks: dict[str, Marked] = field(default_factory=dict)
    sensitive: set[str] = field(default_factory=set)
    rows: dict[str, list[Any]] = field(default_factory=dict)
    """The rows that were made by hand, by table name."""

    @cached_property
    def day(self) -> date:
        """The tenant's day when it was made."""
        return today(ZONE)

    def mark(self, table: str, row_id: Any) -> str:
        """A new mark of a row."""
        mark = f"~{self.letter}{len(self.marks) + 1}~"
        self.marks[mark] = Marked(self.letter, table, row_id)
        return mark

    def phone(self) -> str:
        """A new recognisable phone number."""
        return self._secret(f"1390{ord(self.letter):02}{len(self.sensitive) + 10001:05}")

    def email(self) -> str:
        """A new recognisable e-mail address."""
        return self._secret(f"secret{self.letter.lower()}{len(self.sensitive) + 10001}@mail{self.letter.lower()}.test")

    def identity(self) -> str:
        """A new recognisable identity number."""
        return self._secret(f"3301{ord(self.letter):02}1970{len(self.sensitive) + 10000001:08}")

    def _secret(self, value: str) -> str:
        self.sensitive.add(value)
        return value

    def caller(self, name: str) -> Caller:
        """This person, signed in."""
        actor = self.actors[name]
        return Caller(self.id, actor, self.people[name].account_id, datetime.now(UTC) + timedelta(hours=8))


@dataclass
class World:
    """The three tenants by letter."""

    database: Database
    tenants: dict[str, Tenant]

    def __getitem__(self, letter: str) -> Tenant:
        return self.tenants[letter]

    @property
    def marks(self) -> dict[str, Marked]:
        """Every mark of every tenant."""
        return {mark: what for tenant in self.tenants.values() for mark, what in tenant.marks.items()}

    @property
    def sensitive(self) -> set[str]:
        """Every value that nobody may see in full without revealing it."""
        return {value for tenant in self.tenants.values() for value in tenant.sensitive}


async def make_world(database: Database) -> World:
    """The three tenants with all their rows."""
    from tests.gql.world_rows import fill  # noqa: PLC0415 - it needs the types above

    tenants = {}
    for letter, plugins in PLUGINS.items():
        tenant = await _make_tenant(database, letter, plugins)
        async with database.write(tenant.id, TESTS) as session:
            await fill(session, tenant)
        await _read_actors(database, tenant)
        tenants[letter] = tenant
    return World(database, tenants)


async def _make_tenant(database: Database, letter: str, plugins: tuple[str, ...]) -> Tenant:
    tenant_id = await make_tenant(database, name=f"公司 ~{letter}0~", time_zone=ZONE)
    tenant = Tenant(letter, tenant_id, frozenset(plugins))
    tenant.marks[f"~{letter}0~"] = Marked(letter, "tenant", None)
    accounts = {
        name: await make_account(database, f"{letter}-{name}-{uuid4().hex[:10]}".lower(), is_operator=False)
        for name in PEOPLE
    }
    async with database.write(tenant_id, TESTS) as session:
        roles = await install_builtin_roles(session)
        for key, permissions in ODD_ROLES.items():
            made = make_role(session, permissions, key=key)
            made.title_en = f"Odd {tenant.mark('role', made.id)}"
            roles[key] = made.id
        await _make_units(session, tenant)
        for name, (unit, _) in PEOPLE.items():
            tenant.people[name] = _person(session, tenant, name, unit, accounts[name])
        await session.flush()
        for name, (_, held) in PEOPLE.items():
            for key, scope, unit_name in held:
                role = await session.get(Role, roles[key])
                assert role is not None
                unit_id = tenant.units[unit_name].id if unit_name else None
                assign(session, tenant.people[name], role, scope, unit_id)
        for plugin in plugins:
            await enable(session, plugin)
    async with database.directory() as directory:
        directory.add(
            *(
                Membership(account_id=user.account_id, tenant_id=tenant_id, user_id=user.id)
                for user in tenant.people.values()
            )
        )
    return tenant


async def _make_units(session: WriteSession, tenant: Tenant) -> None:
    for place, (name, parent) in enumerate(UNITS.items()):
        unit = OrgUnit(id=new_id(), code=f"U{place}", name="", kind="team" if place > 1 else "branch")
        unit.name = f"部门{name} {tenant.mark('org_unit', unit.id)}"
        tenant.units[name] = unit
        session.add(unit)
        await session.flush()
        above = tenant.units[parent].id if parent else None
        session.add(UnitPlacement(unit_id=unit.id, valid_from=EARLY, parent_id=above))
        depth, ancestor = 0, name
        while ancestor:
            session.add(
                UnitPath(ancestor_id=tenant.units[ancestor].id, descendant_id=unit.id, valid_from=EARLY, depth=depth)
            )
            depth, ancestor = depth + 1, UNITS[ancestor] or ""


def _person(session: WriteSession, tenant: Tenant, name: str, unit: str, account: Any) -> User:
    user_id = new_id()
    mark = tenant.mark("tenant_user", user_id)
    phone = tenant.phone()
    user = User(
        id=user_id,
        account_id=account.id,
        login=account.login,
        name=f"{name}𠮷 {tenant.mark('name of tenant_user', user_id)}",
        employee_number=f"E-{name}",
        title=None if name == "am2" else f'经理"\\{mark}',
        phone=phone,
        phone_tail=phone[-4:],
        email=None if name == "auditor" else tenant.email(),
        unit_id=tenant.units[unit].id,
        status=UserStatus.ACTIVE,
        locale="en" if name == "odd" else None,
        joined_on=None if name == "odd" else date(2021, 1, len(name) % 7 + 1),
    )
    user.identity_number = session.vault.encrypt(tenant.identity(), identity_place(tenant.id, user_id))
    session.add(user)
    return user


async def _read_actors(database: Database, tenant: Tenant) -> None:
    async with database.read(tenant.id, TESTS) as session:
        for name, user in tenant.people.items():
            tenant.actors[name] = await actor_of(session, user, tenant.day)
