"""A demo company was made today; to have a past it must have been there before."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import func, update

from steward_core.clients.models import Client, ClientOwnership
from steward_server.simulation.company import PLATFORM, Company
from steward_tenants.access.models import RoleAssignment
from steward_tenants.audit.service import Subject, record
from steward_tenants.organisation.models import UnitPath, UnitPlacement


async def found_by(company: Company, day: date) -> None:
    """Let units, roles, clients and who looks after them count from a day on, where they counted from later."""
    since: tuple[tuple[Any, Any], ...] = (
        (UnitPlacement, UnitPlacement.valid_from),
        (UnitPath, UnitPath.valid_from),
        (RoleAssignment, RoleAssignment.valid_from),
        (ClientOwnership, ClientOwnership.valid_from),
    )
    async with company.database.write(company.tenant_id, PLATFORM) as session:
        for table, column in since:
            await session.execute(
                update(table)
                .where(session.within(table), column > day)
                .values({column.key: day})
                .execution_options(synchronize_session=False)
            )
        moment = company.at(day, 9)
        await session.execute(
            update(Client)
            .where(session.within(Client), Client.created_at > moment)
            .values(created_at=moment, version=Client.version + 1, updated_at=func.now())
            .execution_options(synchronize_session=False)
        )
        await record(session, "simulation.found", Subject("tenant", company.tenant_id), after={"since": day})
