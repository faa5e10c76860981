"""Requests and clocks of a client that is merged into another: they go with it, and to whoever has the client kept."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from steward_core.clients.merge import merge_clients
from steward_core.promises.models import PromiseClock, RequestEvent, ServiceRequest
from steward_core.promises.request_commands import answer_request, close_request, open_service_request, transfer_request
from steward_tenants.database.database import Database
from tests.core.promises.company import make_company
from tests.factories import TESTS

DAY = date(2026, 11, 23)


async def test_open_ones_change_hands_and_closed_ones_keep_who_had_them(database: Database) -> None:
    """Anna's client goes into Ben's; the engineer keeps what was given to them."""
    company = await make_company(database, ("telecom",))
    async with database.write(company.tenant_id, company.anna) as session:
        opened = await open_service_request(session, company.client, kind="fault", title="断网")
        closed = await open_service_request(session, company.client, kind="wish", title="加急")
        await answer_request(session, closed.id, answer="已安排")
        await close_request(session, closed.id)
        given = await open_service_request(session, company.client, kind="fault", title="机房")
    async with database.write(company.tenant_id, TESTS) as session:
        await transfer_request(session, given.id, company.engineer.id)
        merge = await merge_clients(session, company.other, company.client, today=DAY, reason="重复")
    async with database.read(company.tenant_id, TESTS) as session:
        rows = {
            one.id: one for one in await session.scalars(select(ServiceRequest).where(session.within(ServiceRequest)))
        }
        clocks = await session.scalars(
            select(PromiseClock).where(session.within(PromiseClock), PromiseClock.subject_id == opened.id)
        )
        handed = await session.scalars(
            select(RequestEvent.request_id).where(session.within(RequestEvent), RequestEvent.act == "handed_over")
        )
    assert {one.client_id for one in rows.values()} == {company.other}
    assert [rows[one.id].owner_id for one in (opened, closed, given)] == [
        company.ben.id,
        company.anna.id,
        company.engineer.id,
    ]
    running = [one for one in clocks if one.ended_at is None]
    assert running
    assert {(one.client_id, one.owner_id) for one in running} == {(company.other, company.ben.id)}
    assert handed == [opened.id]
    assert sorted(merge.moved["service_requests"]) == sorted(str(one) for one in rows)
