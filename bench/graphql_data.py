"""What the GraphQL measurements read: 200 tenants with 500 clients each, 3 contacts and 10 notes a client, and one
tenant with many clients for the cost of far pages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import psycopg
from sqlalchemy import insert

from bench.clients import name_of
from bench.cluster import BenchCluster
from steward_tenants.access.models import Role, RoleAssignment, RolePermission
from steward_tenants.database.actor import Scope, system
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant
from steward_tenants.organisation.models import OrgUnit, UnitPath, UnitPlacement
from steward_tenants.people.models import User, UserStatus
from steward_tenants.signin.models import SessionKind, SignInSession
from steward_tenants.signin.tokens import digest, new_session_token

BENCH = system("bench")
TENANTS, CLIENTS, CONTACTS, NOTES = 200, 500, 3, 10
FAR = 50_000
"""Clients of the one large tenant."""
DAY = datetime(2026, 11, 1, 8, tzinfo=UTC)
PERMISSIONS = ("clients.view", "clients.edit", "people.view", "units.view", "records.view")


@dataclass(frozen=True)
class Company:
    """A tenant with one person who reaches all below the root unit, and that person's session token."""

    tenant_id: UUID
    user_id: UUID
    unit_id: UUID
    token: str
    client_ids: tuple[UUID, ...]


async def fill(cluster: BenchCluster, database: Database) -> list[Company]:
    """Make everything; the large tenant is the last."""
    companies = [
        await _company(database, number, FAR if number == TENANTS else CLIENTS) for number in range(TENANTS + 1)
    ]
    with psycopg.connect(cluster.superuser()) as connection:
        connection.execute("set session_replication_role = replica")  # what refers is made here, and known to be there
        for table, columns, lines in (
            (
                "client",
                "tenant_id, id, code, name, kind, status, unit_id, owner_id, phone, created_by, created_at, updated_at",
                _clients(companies),
            ),
            (
                "contact",
                "tenant_id, id, client_id, name, main, phone, phone_tail, email, created_by, created_at, updated_at",
                _contacts(companies[:-1]),
            ),
            ("client_note", "tenant_id, id, client_id, author_id, body, created_at", _notes(companies[:-1])),
        ):
            with connection.cursor().copy(f"copy app.{table} ({columns}) from stdin".encode()) as copy:
                while block := "".join(islice(lines, 5_000)):
                    copy.write(block)
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return companies


async def _company(database: Database, number: int, clients: int) -> Company:
    tenant_id, unit_id, user_id, role_id, account_id = (new_id() for _ in range(5))
    async with database.directory() as directory:
        directory.add(Tenant(id=tenant_id, key=f"bench-{number}", name=f"测量公司{number}"))
    token = new_session_token(tenant_id)
    async with database.write(tenant_id, BENCH) as session:
        session.add(OrgUnit(id=unit_id, code="ROOT", name="总部", kind="company"))
        await session.flush()
        today = DAY.date()
        session.add(UnitPlacement(unit_id=unit_id, valid_from=today - timedelta(days=999), parent_id=None))
        session.add(
            UnitPath(
                ancestor_id=unit_id,
                descendant_id=unit_id,
                valid_from=today - timedelta(days=999),
                valid_until=today + timedelta(days=9999),
                depth=0,
            )
        )
        session.add(
            User(
                id=user_id,
                account_id=account_id,
                login=f"lead{number}@bench.example",
                name="王主管",
                unit_id=unit_id,
                status=UserStatus.ACTIVE,
            )
        )
        session.add(Role(id=role_id, key="lead", title_zh="主管", title_en="Lead", duty="business", builtin=False))
        await session.flush()
        await session.execute(
            insert(RolePermission),
            [{"tenant_id": tenant_id, "role_id": role_id, "permission": key} for key in PERMISSIONS],
        )
        session.add(
            RoleAssignment(
                id=new_id(),
                user_id=user_id,
                role_id=role_id,
                scope=Scope.SUBTREE,
                unit_id=unit_id,
                valid_from=today - timedelta(days=99),
            )
        )
        session.add(
            SignInSession(
                id=new_id(),
                kind=SessionKind.USER,
                subject_id=user_id,
                account_id=account_id,
                token_digest=digest(token),
                second_factor=False,
                expires_at=datetime.now(UTC) + timedelta(hours=12),
            )
        )
    return Company(tenant_id, user_id, unit_id, token, tuple(new_id() for _ in range(clients)))


def _clients(companies: list[Company]) -> Iterator[str]:
    for company in companies:
        for number, client_id in enumerate(company.client_ids):
            moment = (DAY + timedelta(seconds=number)).isoformat()
            yield (
                f"{company.tenant_id}\t{client_id}\tC{number:07}\t{name_of(number)}\tenterprise\tactive\t{company.unit_id}"
                f"\t{company.user_id}\t1380000{number % 10_000:04}\t{company.user_id}\t{moment}\t{moment}\n"
            )


def _contacts(companies: list[Company]) -> Iterator[str]:
    for company in companies:
        for client_id in company.client_ids:
            for number in range(CONTACTS):
                tail = f"{random.randrange(10_000):04}"
                moment = DAY.isoformat()
                yield (
                    f"{company.tenant_id}\t{new_id()}\t{client_id}\t联系人{number}\t{'t' if number == 0 else 'f'}"
                    f"\t1390000{tail}\t{tail}\tc{number}@firm.example\t{company.user_id}\t{moment}\t{moment}\n"
                )


def _notes(companies: list[Company]) -> Iterator[str]:
    for company in companies:
        for client_id in company.client_ids:
            for number in range(NOTES):
                moment = (DAY + timedelta(hours=number)).isoformat()
                yield (
                    f"{company.tenant_id}\t{new_id()}\t{client_id}\t{company.user_id}"
                    f"\t第{number}次走访：客户询问专线带宽升级与账期。\t{moment}\n"
                )
