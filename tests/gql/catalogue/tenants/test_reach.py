"""The catalogue's types show the rows that the queries of floor 1 show, to the same people."""

from __future__ import annotations

from typing import Any

import pytest

from steward_graphql.catalogue.access import ROLE, ROLE_ASSIGNMENT
from steward_graphql.catalogue.administration import (
    API_CLIENT,
    PRIVACY_REQUEST,
    SIGN_IN_SESSION,
    STORED_FILE,
    SUPPORT_ACCESS,
)
from steward_graphql.catalogue.audit import AUDIT_EVENT
from steward_graphql.catalogue.organisation import ORG_UNIT, UNIT_PLACEMENT
from steward_graphql.catalogue.people import PERSON
from steward_graphql.declared.entities import Batched
from steward_tenants.access.permissions import AUDIT_READ, ROLES_VIEW
from steward_tenants.access.role_queries import grants_history, list_roles
from steward_tenants.audit.queries import list_events
from steward_tenants.errors import Forbidden
from steward_tenants.files.queries import uploads
from steward_tenants.oauth.queries import api_clients
from steward_tenants.organisation.queries import ancestors, descendants, history, tree
from steward_tenants.people.queries import PeopleQuery, people_page
from steward_tenants.privacy.queries import privacy_requests
from steward_tenants.signin.queries import own_sessions, sessions_of_user
from steward_tenants.support.queries import support_accesses
from tests.gql.catalogue.tenants.reading import Reading
from tests.gql.world import PEOPLE, Tenant, World

WHO = tuple(PEOPLE)


def reading_of(world: World, who: str, letter: str = "A") -> tuple[Tenant, Reading]:
    tenant = world.tenants[letter]
    return tenant, Reading(world.database, tenant.id, tenant.actors[who], tenant.day)


async def asked(reading: Reading, query: Any) -> Any:
    """What a query of floor 1 answers; nothing to whom it refuses."""
    async with reading.database.read(reading.tenant_id, reading.actor) as session:
        try:
            return await query(session)
        except Forbidden:
            return []


@pytest.mark.parametrize("who", WHO)
async def test_people(world: World, who: str) -> None:
    tenant, reading = reading_of(world, who)
    page = await asked(reading, lambda session: people_page(session, PeopleQuery(size=200), tenant.day))
    known = {} if page == [] else {one.id: one for one in page.people}
    names = ("id", "login", "name", "employeeNumber", "title", "phone", "email", "unitId", "unitName", "status")
    rows = await reading.rows(PERSON, *names)
    assert {row.id for row in rows} == known.keys()
    for row in rows:
        one = known[row.id]
        shown = (one.login, one.name, one.employee_number, one.title, one.phone, one.email, one.unit_id, one.unit_name)
        assert tuple(row)[1:-1] == shown
    assert not any(value in tenant.sensitive for row in rows for value in row if isinstance(value, str))


@pytest.mark.parametrize("who", ["boss", "am1", "nobody"])
async def test_identity_numbers_are_masked_and_only_of_people_in_reach(world: World, who: str) -> None:
    tenant, reading = reading_of(world, who)
    field = PERSON.by_name["identityNumber"]
    assert isinstance(field, Batched)
    everybody = [person.id for person in tenant.people.values()]
    async with world.database.read(tenant.id, reading.actor) as session:
        found = await field.values(session, everybody, tenant.day)
    page = await asked(reading, lambda session: people_page(session, PeopleQuery(size=200), tenant.day))
    known = {} if page == [] else {one.id: one.identity_number for one in page.people if one.identity_number}
    own = reading.actor.id
    assert {key: value for key, value in found.items() if key != own} == {
        key: value for key, value in known.items() if key != own
    }
    assert not set(found.values()) & tenant.sensitive


@pytest.mark.parametrize("who", WHO)
async def test_units_of_today(world: World, who: str) -> None:
    tenant, reading = reading_of(world, who)
    nodes = await asked(reading, lambda session: tree(session, tenant.day, today=tenant.day))
    rows = await reading.rows(ORG_UNIT, "id", "code", "name", "kind", "depth", "closedOn", "version")
    assert {tuple(row) for row in rows} == {
        (one.id, one.code, one.name, one.kind, one.depth, one.closed_on, one.version) for one in nodes
    }
    assert {row.id for row in rows} <= {unit.id for unit in tenant.units.values()}
    parents = {node.id: node.parent_id for node in nodes}
    for node in nodes:
        found = await reading.linked(ORG_UNIT, "parent", ORG_UNIT, node.id, "id")
        wanted = [node.parent_id] if node.parent_id in parents else []
        assert [row.id for row in found] == wanted


@pytest.mark.parametrize("who", ["boss", "lead", "odd"])
async def test_the_tree_around_a_unit(world: World, who: str) -> None:
    tenant, reading = reading_of(world, who)
    east = tenant.units["east"].id
    above = await asked(reading, lambda session: ancestors(session, east, tenant.day, today=tenant.day))
    below = await asked(reading, lambda session: descendants(session, east, tenant.day, today=tenant.day))
    for link, wanted in (("ancestors", [one for one in above if one.id != east]), ("descendants", below)):
        found = await reading.linked(ORG_UNIT, link, ORG_UNIT, east, "id")
        assert {row.id for row in found} == {one.id for one in wanted}
    rows = {row.id: row.path for row in await reading.rows(ORG_UNIT, "id", "path")}
    if east in rows:
        assert rows[east] == [one.name for one in above]
        stays = await asked(reading, lambda session: history(session, east, tenant.day))
        lines = await reading.linked(
            ORG_UNIT, "placements", UNIT_PLACEMENT, east, "validFrom", "validUntil", "parentCode"
        )
        assert sorted(map(tuple, lines)) == [(one.valid_from, one.valid_until, one.parent_code) for one in stays]


@pytest.mark.parametrize("who", WHO)
async def test_roles_and_grants(world: World, who: str) -> None:
    tenant, reading = reading_of(world, who)
    roles = await asked(reading, lambda session: list_roles(session, tenant.day))
    rows = await reading.rows(ROLE, "id", "key", "titleZh", "titleEn", "builtin", "version", "permissions", "holders")
    assert {(row.id, row.key, row.builtin, tuple(row.permissions), row.holders) for row in rows} == {
        (one.id, one.key, one.builtin, one.permissions, one.holders) for one in roles
    }
    assert bool(rows) is (ROLES_VIEW.key in reading.actor.permissions)
    known = set()
    for person in tenant.people.values():
        known |= {
            (one.id, one.name, one.login, one.role_key, one.unit_id, one.valid_from)
            for one in await asked(reading, lambda session, p=person: grants_history(session, p.id, tenant.day))
        }
    names = ("id", "personName", "personLogin", "roleKey", "unitId", "validFrom")
    assert {tuple(row) for row in await reading.rows(ROLE_ASSIGNMENT, *names)} == known


@pytest.mark.parametrize("who", ["auditor", "boss", "security", "am1"])
async def test_audit_events(world: World, who: str) -> None:
    tenant, reading = reading_of(world, who)
    rows = await reading.rows(AUDIT_EVENT, "id", "at", "action", "actorName", "changes")
    if AUDIT_READ.key not in reading.actor.permissions:
        assert rows == []
        return
    async with world.database.write(tenant.id, reading.actor) as session:
        page = await list_events(session, limit=500)
        names = page.names
        known = {event.id: (event.at, event.action, names.get(event.actor_id)) for event in page.events}
    assert known
    assert {row.id: (row.at, row.action, row.actorName) for row in rows} == known


@pytest.mark.parametrize("who", WHO)
async def test_administration(world: World, who: str) -> None:
    tenant, reading = reading_of(world, who)
    clients = await asked(reading, api_clients)
    assert {row.id for row in await reading.rows(API_CLIENT, "id")} == {one.id for one in clients}
    supports = await asked(reading, support_accesses)
    names = ("id", "roleKey", "live", "sessions", "openSessions", "lastSeenAt", "events")
    assert {tuple(row) for row in await reading.rows(SUPPORT_ACCESS, *names)} == {
        (u.access.id, u.role_key, u.live, u.sessions, u.open_sessions, u.last_seen_at, u.events) for u in supports
    }
    requests = await asked(reading, privacy_requests)
    assert {row.id for row in await reading.rows(PRIVACY_REQUEST, "id")} == {one.id for one in requests}
    files = await asked(reading, uploads)
    rows = await reading.rows(STORED_FILE, "id", "purpose", "ownerId")
    assert {row.id for row in rows if row.purpose == "upload"} == {one.id for one in files}
    assert all(row.ownerId == reading.actor.id for row in rows if row.purpose != "upload")
    open_sessions = {one.id for one in await asked(reading, own_sessions)}
    for person in tenant.people.values():
        try:
            found = await asked(reading, lambda session, p=person: sessions_of_user(session, p.id))
        except Exception:  # noqa: S112 - out of reach
            continue
        open_sessions |= {one.id for one in found}
    assert {row.id for row in await reading.rows(SIGN_IN_SESSION, "id")} == open_sessions


async def test_search_and_units_below_narrow_people(world: World) -> None:
    tenant, reading = reading_of(world, "boss")
    east = tenant.units["east"].id
    for name, given, query in (
        ("below", east, PeopleQuery(unit_id=east, size=200)),
        ("search", tenant.people["am1"].name[:2], PeopleQuery(text=tenant.people["am1"].name[:2], size=200)),
        ("search", tenant.people["am1"].login.upper(), PeopleQuery(text=tenant.people["am1"].login, size=200)),
    ):
        async with world.database.read(tenant.id, reading.actor) as session:
            condition = await PERSON.specials_by_name[name].prepare(session, given, tenant.day)
            page = await people_page(session, query, tenant.day)
        rows = await reading.rows(PERSON, "id", where=condition)
        assert {row.id for row in rows} == {one.id for one in page.people}
        assert rows
