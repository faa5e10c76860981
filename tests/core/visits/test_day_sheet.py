"""The day sheet and what a visit is prepared with: which clients, in which order, what is shown of them to whom."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.errors import ClientNotFound
from steward_core.clients.models import Arrears, ClientNote, ClientProduct, Contract, Product
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.visits.actions import Symbol
from steward_core.visits.day_sheet import DaySheet, day_sheet, revealed_day_sheet
from steward_core.visits.day_sheet_html import html_sheet
from steward_core.visits.day_sheet_pdf import pdf_sheet
from steward_core.visits.preparation import visit_preparation
from steward_core.visits.visit_errors import VisitorNotFound
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden
from tests.core.factories import make_client
from tests.core.visits.carried_out import RIGHTS, TEN, THERE, TODAY, Place, a_place, planned, recorded
from tests.factories import TESTS, actor_with

HOSTILE = "<script>alert(1)</script>&\"'"


async def a_full_day(database: Database) -> tuple[Place, dict[str, UUID]]:
    """Four clients: two that the plan has put on the day, a temporary task, a visit by appointment; all on a line."""
    place = await a_place(database)
    ids = {"near": place.client.id}
    async with database.write(place.tenant, TESTS) as session:
        for step, name in enumerate(("far", "middle", "farthest"), 1):
            client = make_client(
                session,
                owner_id=place.manager.id,
                name=f"{name} {HOSTILE}",
                latitude=THERE[0] + Decimal((3, 1, 9)[step - 1]) / 100,
                longitude=THERE[1],
                potential_needs="云服务",
                address="文三路 1 号",
            )
            ids[name] = client.id
        product = Product(id=new_id(), code="P1", name="专线")
        session.add(product)
        await session.flush()
        session.add(ClientProduct(id=new_id(), client_id=ids["near"], product_id=product.id, monthly_amount=100))
        plan = VisitPlan(id=new_id(), owner_id=place.manager.id, month=TODAY.replace(day=1))
        session.add(plan)
        await session.flush()

        def action(name: str, put: int | None, **values: Any) -> None:
            given = {"planned_on": TODAY, "due_on": TODAY, "visits": [TODAY], "source": "test", "place_on_day": put}
            session.add(PlanAction(id=new_id(), plan_id=plan.id, client_id=ids[name], **{**given, **values}))

        action("far", 0, carried=2)
        action("near", 1, status="done", done_on=TODAY, title="档案复核")
        action("middle", None, temporary=True, title="送资料")
        action("farthest", 0, planned_on=TODAY + timedelta(days=1))
        action("farthest", 0, status="dropped", source="dropped")
    async with database.write(place.tenant, place.visitor) as session:
        await planned(session, place, fields={"aim": "谈续约"})
    return place, ids


async def test_the_clients_of_the_day_in_route_order(database: Database) -> None:
    place, ids = await a_full_day(database)
    async with database.read(place.tenant, place.visitor) as reading:
        sheet = await day_sheet(reading, TODAY, today=TODAY)
        assert [stop.client_id for stop in sheet.stops] == [ids["far"], ids["near"], ids["middle"]]
        far, near, middle = sheet.stops
        assert (far.metres, near.metres, middle.metres) == (None, 3336, 1112)
        assert sheet.metres == 3336 + 1112
        assert (far.symbol, near.symbol, middle.symbol) == (Symbol.PLANNED, Symbol.PLANNED, Symbol.TEMPORARY)
        assert [(one.symbol, one.title.zh) for one in near.tasks] == [
            (Symbol.DONE, "档案复核"),
            (Symbol.PLANNED, "谈续约"),
        ]
        assert (near.contact, near.products, far.tasks[0].carried) == ("张三", ("专线",), 2)
        assert near.phone is not None
        assert "1390000" not in near.phone
        assert f"{sheet.morning_meeting:%H:%M} {sheet.visits_from:%H:%M} {sheet.evening_meeting:%H:%M}" == (
            "08:45 09:30 17:00"
        )
        empty = await day_sheet(reading, TODAY + timedelta(days=9), today=TODAY)
        assert empty.stops == ()
        with pytest.raises(VisitorNotFound):
            await day_sheet(reading, TODAY, today=TODAY, owner_id=place.head.id)


async def test_a_done_visit_stars_its_client(database: Database) -> None:
    place, ids = await a_full_day(database)
    async with database.write(place.tenant, place.visitor) as session:
        await recorded(session, ids["middle"], latitude=None, longitude=None)
        sheet = await day_sheet(session, TODAY, today=TODAY)
        middle = next(stop for stop in sheet.stops if stop.client_id == ids["middle"])
        assert middle.visit_status == "done"
        assert Symbol.DONE in {task.symbol for task in middle.tasks}


async def test_phones_in_full_are_for_those_who_may_and_on_record(database: Database) -> None:
    place, _ = await a_full_day(database)
    async with database.write(place.tenant, place.visitor) as session:
        sheet = await revealed_day_sheet(session, TODAY, today=TODAY)
        assert "13900001234" not in str(sheet)
    async with database.write(place.tenant, place.supervisor) as session:
        sheet = await revealed_day_sheet(session, TODAY, today=TODAY, owner_id=place.manager.id)
        assert "13900001234" in str(sheet)
        events = await session.scalars(
            select(AuditEvent.subject_id).where(session.within(AuditEvent), AuditEvent.action == "read.day_sheet")
        )
        assert events == [place.manager.id] * 2
    without = actor_with(RIGHTS[1], user=place.manager)
    async with database.read(place.tenant, without) as reading:
        with pytest.raises(Forbidden):
            await day_sheet(reading, TODAY, today=TODAY)


class Seen(HTMLParser):
    """Tags, what they refer to, and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.references: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Remember it."""
        self.tags.add(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "action", "onload")]

    def handle_data(self, data: str) -> None:
        """Remember it."""
        self.text += data


async def a_sheet(database: Database) -> DaySheet:
    """Of the full day."""
    place, _ = await a_full_day(database)
    async with database.read(place.tenant, place.visitor) as reading:
        return await day_sheet(reading, TODAY, today=TODAY)


async def test_the_page_escapes_and_loads_nothing(database: Database) -> None:
    sheet = await a_sheet(database)
    for locale, heading in (("zh-CN", "走访日程单"), ("en", "Day sheet")):
        page = html_sheet(sheet, locale)
        seen = Seen()
        seen.feed(page)
        assert "script" not in seen.tags
        assert seen.references == []
        assert "url(" not in page
        assert "@import" not in page
        assert "@media print" in page
        assert HOSTILE in seen.text
        assert heading in seen.text
        for sign in "☆●★":
            assert sign in seen.text


async def test_the_pdf_brings_its_chinese_font(database: Database) -> None:
    sheet = await a_sheet(database)
    made = pdf_sheet(sheet, "zh-CN")
    assert made.startswith(b"%PDF-")
    assert re.findall(rb"/BaseFont /(\S+)", made)
    assert all(name.endswith(b"+NotoSansSC-Regular") for name in re.findall(rb"/BaseFont /(?!Helvetica)(\S+)", made))
    assert b"/FontFile2" in made
    assert b"/ToUnicode" in made, "or nothing can be looked for or copied"
    assert made == pdf_sheet(sheet, "zh-CN")
    assert made != pdf_sheet(sheet, "en")
    many = DaySheet(**{**vars(sheet), "stops": sheet.stops * 20})
    assert pdf_sheet(many, "en").count(b"/Type /Page\n") > made.count(b"/Type /Page\n")
    assert pdf_sheet(DaySheet(**{**vars(sheet), "stops": []}), "zh-CN").startswith(b"%PDF-")


async def test_prints_at_once_have_their_own_characters(database: Database) -> None:
    sheet = await a_sheet(database)
    people = ("张伟", "欧阳静", "李𣲵鑫", "Ånna 🙂")
    sheets = [DaySheet(**{**vars(sheet), "owner_name": name}) for name in people]
    alone = [pdf_sheet(one, "zh-CN") for one in sheets]
    together = await asyncio.gather(*(asyncio.to_thread(pdf_sheet, one, "zh-CN") for one in sheets * 2))
    assert together == alone * 2


async def test_a_visit_is_prepared_with_what_is_known(database: Database) -> None:
    place = await a_place(database)
    client_id = place.client.id
    async with database.write(place.tenant, TESTS) as session:
        session.add(
            ClientNote(id=new_id(), client_id=client_id, author_id=TESTS.id, body="喜欢下午"),
            ClientNote(id=new_id(), client_id=client_id, author_id=TESTS.id, body="", removed_at=TEN),
            Contract(
                id=new_id(),
                client_id=client_id,
                number="H1",
                title="专线",
                start_on=date(2025, 1, 1),
                end_on=TODAY + timedelta(days=30),
                created_by=TESTS.id,
            ),
            Arrears(id=new_id(), client_id=client_id, period="2026-10", amount=500, paid=200, due_on=TODAY),
            Arrears(id=new_id(), client_id=client_id, period="2026-09", amount=500, paid=500, due_on=TODAY),
        )
    async with database.write(place.tenant, place.supervisor) as session:
        await recorded(session, client_id, fields={"summary": "主管走访", "complaints": ["太慢"]})
    async with database.read(place.tenant, place.visitor) as reading:
        known = await visit_preparation(reading, client_id, today=TODAY)
        assert [(one.owner_name, one.summary) for one in known.visits] == [("主管", "主管走访")]
        assert [one.body for one in known.notes] == ["喜欢下午"]
        assert [(one.number, one.ends_soon) for one in known.contracts] == [("H1", True)]
        assert ([one.open_amount for one in known.arrears], known.owed) == ([300], 300)
        assert [one.title for one in known.requests] == ["太慢"]
    few = actor_with(*RIGHTS[:3], scope=Scope.OWN, user=place.manager)
    async with database.read(place.tenant, few) as reading:
        assert (await visit_preparation(reading, client_id, today=TODAY)).requests == ()
    stranger = actor_with(*RIGHTS, scope=Scope.OWN)
    async with database.read(place.tenant, stranger) as reading:
        with pytest.raises(ClientNotFound):
            await visit_preparation(reading, client_id, today=TODAY)
