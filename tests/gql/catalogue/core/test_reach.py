"""Everybody reaches through the declared types exactly the rows that the query functions show them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ARRAY, Text, literal, select

from steward_core.clients import models as m
from steward_core.clients.arrears import ArrearsQuery, arrears_page
from steward_core.clients.attachments import attachments_page
from steward_core.clients.contracts import ContractQuery, contracts_page
from steward_core.clients.details import ClientDetail, client_detail
from steward_core.clients.duplicates import duplicate_pairs
from steward_core.clients.errors import ClientNotFound
from steward_core.clients.fact_readings import fact_page, facts_of_client
from steward_core.clients.hand_over_queries import HandOverQuery, hand_over_items, hand_overs
from steward_core.clients.metrics import metrics
from steward_core.clients.notes import notes_page
from steward_core.clients.pages import Paging
from steward_core.clients.products import ProductUseQuery, catalogue, product_uses
from steward_core.clients.queries import ClientFilter, CustomCondition, clients_page
from steward_core.custom_fields.queries import custom_fields
from steward_core.forms.queries import RecordsQuery, record_of, records_page, revisions_of
from steward_core.gradings.objections import objections
from steward_core.gradings.queries import ResultQuery, gradings, preview
from steward_core.imports.queries import effects, imports, mappings
from steward_core.industry.registry import forms, industry_of
from steward_core.runs.queries import runs
from steward_graphql.catalogue.plugin_fields import plugin_fields
from steward_graphql.declared.entities import Value
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import Forbidden, InvalidInput
from tests.gql.catalogue.core.statements import ENTITIES, Place
from tests.gql.world import PEOPLE, READERS, Tenant, World

WHOLE = Paging(200)
EVERYBODY = [
    *(("C", name) for name in PEOPLE),
    *(("A", name) for name in PEOPLE if name in READERS or os.environ.get("STEWARD_TEST_FULL") == "1"),
]


class Look:
    """One person's view of one tenant, both ways."""

    def __init__(self, tenant: Tenant, name: str, session: ReadSession) -> None:
        self.tenant, self.name, self.session, self.day = tenant, name, session, tenant.day
        self.place = Place(tenant.actors[name])

    async def declared(self, entity: str, *, listed: bool = True) -> set[Any]:
        """The keys that the declared type shows."""
        return await self.place.keys(self.session, ENTITIES[entity], self.day, listed=listed)

    async def every(self, table: Any) -> list[UUID]:
        """The ids of all rows of a table."""
        return list(await self.session.scalars(select(table.id).where(self.session.within(table))))

    async def details(self) -> list[ClientDetail]:
        """Each client that can be looked at, merged ones too."""
        found = []
        for client_id in await self.every(m.Client):
            try:
                found.append(await client_detail(self.session, client_id, today=self.day))
            except (ClientNotFound, Forbidden):
                continue
        return found


@pytest.fixture(params=EVERYBODY, ids="-".join)
async def look(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Look]:
    letter, name = request.param
    tenant = world[letter]
    async with world.database.read(tenant.id, tenant.actors[name]) as session:
        yield Look(tenant, name, session)


async def _ids(asked: Awaitable[Any], rows: str = "rows") -> set[str]:
    """The ids in an answer; none where it is refused."""
    try:
        answer = await asked
    except Forbidden:
        return set()
    found = getattr(answer, rows) if hasattr(answer, rows) else answer
    return {str(one.id) for one in found}


async def test_clients_and_what_the_details_show(look: Look) -> None:
    listed = await _ids(clients_page(look.session, ClientFilter(), today=look.day, limit=200), "clients")
    assert await look.declared("Client") == listed
    details = await look.details()
    assert await look.declared("Client", listed=False) == {str(one.id) for one in details}
    contacts = {str(contact.id) for one in details for contact in one.contacts}
    assert await look.declared("Contact") == contacts
    stays = {(str(one.id), stay.valid_from.isoformat()) for one in details for stay in one.ownership}
    assert await look.declared("ClientOwnership") == stays
    assert len(await look.declared("ClientChange")) == sum(len(one.changes) for one in details)
    merges = await look.declared("ClientMerge")
    assert len(merges) == sum(one.merged_into_id is not None for one in details)


async def test_figures_of_clients_are_those_of_the_details(look: Look) -> None:
    entity = ENTITIES["Client"]
    row = look.place.row(entity)
    names = {
        "contractCount": "contracts",
        "activeContracts": "active_contracts",
        "productsInUse": "products",
        "openArrears": "arrears",
        "noteCount": "notes",
        "attachmentCount": "attachments",
        "clientsBelow": "clients_below",
    }
    shown = [entity.value(name).expression(row) for name in (*names, "ownerName", "unitName", "phone")]
    statement = select(row.table.id, *shown).where(*look.place.in_reach(entity, row))
    found = {one[0]: tuple(one[1:]) for one in await look.place.run(look.session, statement, look.day)}
    for detail in await look.details():
        figures = tuple(getattr(detail.holdings, name) for name in names.values())
        assert found[detail.id] == (*figures, detail.owner_name, detail.unit_name, detail.phone)
    assert not {value for values in found.values() for value in values if value in look.tenant.sensitive}


async def test_contacts_are_masked(look: Look) -> None:
    entity = ENTITIES["Contact"]
    row = look.place.row(entity)
    masked = [one for one in entity.fields if isinstance(one, Value) and one.masked]
    statement = select(*(one.expression(row) for one in masked)).where(*look.place.in_reach(entity, row))
    shown = {value for values in await look.place.run(look.session, statement, look.day) for value in values}
    assert not shown & look.tenant.sensitive


async def test_holdings(look: Look) -> None:
    session, today = look.session, look.day
    owed = ArrearsQuery(with_settled=True)
    assert await look.declared("Contract") == await _ids(
        contracts_page(session, ContractQuery(), today=today, paging=WHOLE)
    )
    assert await look.declared("ClientProduct") == await _ids(
        product_uses(session, ProductUseQuery(), today=today, paging=WHOLE)
    )
    assert await look.declared("Arrears") == await _ids(arrears_page(session, owed, today=today, paging=WHOLE))
    assert await look.declared("ClientNote") == await _ids(notes_page(session, today=today, paging=WHOLE))
    assert await look.declared("Product") == await _ids(catalogue(session, with_retired=True, paging=WHOLE))
    files: set[str] = set()
    for one in await look.details():
        files |= await _ids(attachments_page(session, one.id, today=today, paging=WHOLE))
    assert await look.declared("Attachment") == files


async def test_duplicates(look: Look) -> None:
    found: set[str] = set()
    for status in m.DuplicateStatus:
        found |= await _ids(duplicate_pairs(look.session, today=look.day, status=status, paging=WHOLE))
    assert await look.declared("DuplicatePair") == found


async def test_records_and_their_documents(look: Look) -> None:
    shown: dict[str, Any] = {}
    for key in forms():
        try:
            page = await records_page(look.session, key, RecordsQuery(limit=200), today=look.day)
        except Forbidden:
            continue
        shown |= {str(one.id): one.document for one in page.records}
    entity = ENTITIES["FormRecord"]
    assert await look.declared("FormRecord") == set(shown)
    row = look.place.row(entity)
    statement = select(row.table.id, entity.value("document").expression(row)).where(*look.place.in_reach(entity, row))
    declared = {str(one[0]): one[1] for one in await look.place.run(look.session, statement, look.day)}
    assert declared == shown


async def test_revisions_and_their_documents(look: Look) -> None:
    reached: dict[tuple[str, int], Any] = {}
    for record_id in await look.declared("FormRecord"):
        await record_of(look.session, UUID(record_id), today=look.day)
        for one in await revisions_of(look.session, UUID(record_id), today=look.day, limit=200):
            reached[record_id, one.revision] = one.document
    entity = ENTITIES["FormRevision"]
    row = look.place.row(entity)
    shown = (row.table.record_id, row.table.revision, entity.value("document").expression(row))
    found = await look.place.run(look.session, select(*shown).where(*look.place.in_reach(entity, row)), look.day)
    assert {(str(one[0]), one[1]): one[2] for one in found} == reached


async def test_runs_and_imports(look: Look) -> None:
    assert await look.declared("Run") == await _ids(runs(look.session, limit=100))
    batches = await _ids(imports(look.session, limit=200))
    assert await look.declared("ImportBatch") == batches
    assert await look.declared("ImportMapping") == await _ids(mappings(look.session))
    rows = {(batch, str(one.row_number)) for batch in batches for one in await effects(look.session, UUID(batch))}
    assert await look.declared("ImportEffect") == rows


async def test_hand_overs(look: Look) -> None:
    found = await _ids(hand_overs(look.session, HandOverQuery(), today=look.day, paging=WHOLE))
    assert await look.declared("HandOver") == found
    items = set()
    for one in found:
        page = await hand_over_items(look.session, UUID(one), today=look.day, paging=WHOLE)
        items |= {(one, str(item.client_id)) for item in page.rows}
    assert await look.declared("HandOverItem") == items


async def test_gradings(look: Look) -> None:
    found = await _ids(gradings(look.session, today=look.day, limit=200))
    assert await look.declared("Grading") == found
    results, objected, counts = set(), set(), {}
    for one in found:
        seen = await preview(look.session, UUID(one), ResultQuery(size=200), today=look.day)
        results |= {str(line.record_id) for line in seen.results}
        objected |= await _ids(objections(look.session, UUID(one), today=look.day))
        counts[one] = seen.grading.counts
    assert await look.declared("GradingResult") == results
    assert await look.declared("GradingObjection") == objected
    entity = ENTITIES["Grading"]
    row = look.place.row(entity)
    statement = select(row.table.id, entity.value("counts").expression(row)).where(*look.place.in_reach(entity, row))
    shown = {str(one[0]): one[1] or {} for one in await look.place.run(look.session, statement, look.day)}
    assert shown == counts


async def test_facts(look: Look) -> None:
    try:
        page = await fact_page(look.session, today=look.day, size=1000)
    except Forbidden:
        assert not await look.declared("ClientFact")
        assert not await look.declared("FactRevision")
        return
    in_force = {
        (one.metric, one.period.isoformat(), str(one.client_id), one.source, str(one.revision)) for one in page.lines
    }
    assert await look.declared("ClientFact") == in_force
    every = set()
    for client_id in await look.every(m.Client):
        try:
            history = await facts_of_client(look.session, client_id, today=look.day, with_history=True)
        except ClientNotFound:
            continue
        every |= {
            (one.metric, one.period.isoformat(), str(one.client_id), one.source, str(one.revision))
            for one in history
            if one.client_id == client_id
        }
    assert await look.declared("FactRevision") == every


async def test_what_the_whole_tenant_reads(look: Look) -> None:
    assert await look.declared("CustomField") == await _ids(custom_fields(look.session, retired=True))
    assert await look.declared("Metric") == {one.key for one in await metrics(look.session, retired=True)}


async def test_filters_find_what_the_lists_find(look: Look) -> None:
    if "clients.view" not in look.tenant.actors[look.name].permissions:
        return
    unit = look.tenant.units["east"].id
    wanted: list[tuple[str, Any, ClientFilter]] = [
        ("search", "客户甲", ClientFilter(text="客户甲")),
        ("inUnit", unit, ClientFilter(unit_id=unit)),
        ("inPool", True, ClientFilter(in_pool=True)),
        ("inPool", False, ClientFilter(in_pool=False)),
        ("stale", True, ClientFilter(stale=True)),
        ("inArrears", True, ClientFilter(in_arrears=True)),
        ("contractEndsWithin", 3650, ClientFilter(contract_ends_within=3650)),
    ]
    entity = ENTITIES["Client"]
    for name, value, told in wanted:
        condition = await entity.specials_by_name[name].prepare(look.session, value, look.day)
        found = await look.place.keys(look.session, entity, look.day, condition)
        assert found == await _ids(clients_page(look.session, told, today=look.day, limit=200), "clients"), name


@pytest.mark.parametrize("letter", ["A", "C"])
async def test_custom_fields_filter_and_show(world: World, letter: str) -> None:
    tenant = world[letter]
    actor = tenant.actors["boss"]
    place, entity = Place(actor), ENTITIES["Client"]
    async with world.database.read(tenant.id, actor) as session:
        usable = [one for one in await custom_fields(session, "client") if one.filterable and one.indexed_at]
        assert usable
        for field in usable:
            given = [{"key": field.key, "op": "is_not_null", "value": None}]
            condition = await entity.specials_by_name["custom"].prepare(session, given, tenant.day)
            told = ClientFilter(custom=(CustomCondition(field.key, "is_not_null"),))
            page = await clients_page(session, told, today=tenant.day, limit=200)
            assert await place.keys(session, entity, tenant.day, condition) == {str(one.id) for one in page.clients}
            row = place.row(entity)
            chosen = entity.value("customFields").expression_by
            assert chosen is not None
            shown = chosen(row, literal([field.key, "no_such_field"], ARRAY(Text())))
            statement = select(row.table.id, shown).where(*place.in_reach(entity, row))
            found = {one[0]: one[1] for one in await place.run(session, statement, tenant.day)}
            for one in page.clients:
                assert found[one.id] == {field.key: one.custom[field.key]}
        unknown = [{"key": "no_such_field", "op": "eq", "value": 1}]
        with pytest.raises(InvalidInput):
            await entity.specials_by_name["custom"].prepare(session, unknown, tenant.day)


async def test_computed_fields_of_plugins_keep_to_the_reach(world: World) -> None:
    for letter, tenant in world.tenants.items():
        for plugin in sorted(tenant.plugins):
            offered = plugin_fields(industry_of(plugin).industry)
            for name in ("boss", "am1", "nobody"):
                async with world.database.read(tenant.id, tenant.actors[name]) as session:
                    reached = set(
                        await Place(tenant.actors[name]).keys(session, ENTITIES["Client"], tenant.day, listed=False)
                    )
                    everything = [row.id for row in tenant.rows["client"]]
                    for field in offered.get("Client", ()):
                        assert field.name.startswith(plugin), letter
                        values = await field.values(session, everything, tenant.day)
                        assert {str(one) for one in values} <= reached
