"""Where runs are driven by jobs in tests: a tenant, somebody who may ask, and what jobs may use."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from steward_core.runs.models import Run
from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JobTools
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.outbox.performing import perform_due
from steward_tenants.people.models import User
from steward_tenants.signin.mail import FolderMailer
from tests.factories import TESTS, actor_with, assign, make_member, make_role


def job_tools(folder: Path) -> JobTools:
    """All that jobs may use, below a folder."""
    store, mailer = LocalFileStore(folder / "files"), FolderMailer(folder / "mail")
    return JobTools(store, mailer, "https://steward.example", folder / "spool")


async def somebody(
    database: Database, tenant_id: UUID, *permissions: Permission, scope: Scope = Scope.ALL, **values: object
) -> tuple[User, Actor]:
    """A person with these permissions, and the actor that they are."""
    user = await make_member(database, tenant_id, **values)
    async with database.write(tenant_id, TESTS) as session:
        role = make_role(session, permissions)
        await session.flush()
        assign(session, user, role, scope)
    return user, actor_with(*permissions, user=user, scope=scope)


async def perform(database: Database, tenant_id: UUID, folder: Path) -> int:
    """Do what is due."""
    import_module("steward_core.runs.jobs")
    return await perform_due(database, tenant_id, job_tools(folder))


async def perform_all(database: Database, tenant_id: UUID, folder: Path) -> None:
    """Do what is due, and what would be later, until nothing waits."""
    for _ in range(40):
        await hurry(database, tenant_id)
        await perform(database, tenant_id, folder)
        if not await waiting(database, tenant_id):
            return
    raise AssertionError("jobs wait still")


async def hurry(database: Database, tenant_id: UUID) -> None:
    """Have all that waits be due."""
    async with database.write(tenant_id, TESTS) as session:
        await session.execute(
            update(OutboxJob)
            .where(session.within(OutboxJob), OutboxJob.status == JobStatus.WAITING)
            .values(due=func.now() - timedelta(seconds=1))
        )


async def waiting(database: Database, tenant_id: UUID) -> int:
    """How many jobs wait."""
    async with database.read(tenant_id, TESTS) as session:
        number: int = await session.scalar(
            select(func.count())
            .select_from(OutboxJob)
            .where(session.within(OutboxJob), OutboxJob.status == JobStatus.WAITING)
        )
        return number


async def run_now(database: Database, tenant_id: UUID, run_id: UUID) -> Any:
    """The run as it is."""
    async with database.read(tenant_id, TESTS) as session:
        return await session.get(Run, run_id)
