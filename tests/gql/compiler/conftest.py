"""One tenant with clients, contacts, contracts and records in three units."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio

from steward_core.clients.models import Client, Contact, Contract
from steward_core.forms.models import FormRecord
from steward_graphql.declared.api import Api
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.organisation.models import OrgUnit, UnitPath
from steward_tenants.people.models import User
from tests.core.factories import make_client, make_contact
from tests.factories import EARLY, TESTS, make_tenant, make_unit, make_user
from tests.gql.compiler.running import Runner
from tests.gql.compiler.tiny_api import tiny_api


@dataclass
class Tiny:
    """The tenant and its rows as they were written."""

    runner: Runner
    units: list[OrgUnit]
    people: list[User]
    clients: list[Client]
    contacts: list[Contact]
    contracts: list[Contract]
    records: list[FormRecord]
    left: Contact


@pytest.fixture(scope="session")
def api() -> Api:
    """The small API."""
    return tiny_api()


def _record(client: Client, number: int, form: str) -> FormRecord:
    return FormRecord(
        id=new_id(),
        plugin="tiny",
        form=form,
        form_version=1,
        subject_kind="client",
        subject_id=client.id,
        client_id=client.id,
        state="submitted",
        title=f"记录 {number} \"\\'",
        document={"purpose": f"拜访{number}"} if form == "tiny.visit" else {"gift": None},
        created_by=TESTS.id,
        updated_by=TESTS.id,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tiny(database: Database, api: Api) -> AsyncIterator[Tiny]:
    """22 clients over three units (the second below the first) and four people; another tenant beside it."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        units = [make_unit(session, name=f"机构{n}") for n in range(3)]
        session.add(UnitPath(ancestor_id=units[0].id, descendant_id=units[1].id, valid_from=EARLY, depth=1))
        await session.flush()
        people = [make_user(session, name=f"经理{n}", unit_id=units[n % 3].id) for n in range(4)]
        await session.flush()
        clients: list[Client] = []
        for n in range(22):
            clients.append(
                make_client(
                    session,
                    name=f"客户{n % 7}",
                    code=None if n % 5 == 0 else f"C{n:02}",
                    status=("active", "prospect", "dormant")[n % 3],
                    tier=(None, "A", "B", "星 级'\"\\")[n % 4],
                    latitude=None if n % 3 else Decimal(n) / 7,
                    longitude=None if n % 3 else Decimal(n),
                    last_activity_on=None if n % 4 == 0 else date(2026, 1 + n % 3, 1 + n % 2),
                    created_at=datetime(2026, 10, 31, 15, 59, 59, 123456, UTC) + timedelta(seconds=n % 4),
                    phone=None if n % 2 else f"1380000{n:04}",
                    short_name=None if n % 2 else f'简"{n}',
                    region="西湖",
                    owner_id=None if n % 5 == 4 else people[n % 5].id,
                    deputy_id=people[1].id if n % 5 == 4 else None,
                    unit_id=units[n % 3].id,
                    parent_id=clients[0].id if n in (3, 6) else None,
                    custom={"a": n, "b": "x\ny"},
                )
            )
        await session.flush()
        contacts = [
            make_contact(
                session,
                clients[n % 11].id,
                name=f"联系人{n}",
                roles=["contact", "key_person"][: n % 3],
                main=n % 4 == 0,
                phone=f"139000{n:05}",
            )
            for n in range(40)
        ]
        left = make_contact(session, clients[0].id, name="离职", left_on=date(2025, 1, 1))
        contracts = [
            Contract(
                id=new_id(),
                client_id=clients[n % 4].id,
                number=f"HT{n}",
                title="合同",
                kind=(None, "a", "b")[n % 3],
                start_on=date(2026, 1 + n % 3, 1),
                amount=None if n % 6 == 0 else 1000 + n,
                created_by=TESTS.id,
            )
            for n in range(13)
        ]
        forms = ("tiny.visit", "tiny.care", "tiny.else")
        records = [_record(clients[n % 6], n, forms[n % 3]) for n in range(12)]
        session.add(*contracts, *records)
    await _other_tenant(database)
    yield Tiny(Runner(api, database, tenant), units, people, clients, contacts, contracts, records, left)


async def _other_tenant(database: Database) -> UUID:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        client = make_client(session, name="别家")
        await session.flush()
        make_contact(session, client.id, name="别家联系人")
    return tenant
