"""The printed day sheet and photos over HTTP."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.permissions import CLIENTS_VIEW, VISITS_EDIT, VISITS_VIEW
from steward_core.visits.models import Visit
from steward_tenants.access.fields import PHONE
from steward_tenants.access.queries import today
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.identifiers import new_id
from steward_tenants.files.models import StoredFile
from steward_tenants.people.models import User
from tests import plain_http
from tests.core.factories import make_client, make_contact, make_kinds
from tests.factories import TESTS, assign, make_role
from tests.server.api.live import Live
from tests.server.api.test_crossing import make_person, sign_in

PICTURE = b"\xff\xd8\xff picture"


@pytest.fixture(scope="module")
def day(live: Live) -> tuple[dict[str, str], str]:
    """The header of a manager who has a visit today, and its id."""

    async def made() -> tuple[User, UUID, UUID]:
        tenant_id, user = await make_person(live, time_zone="Asia/Shanghai")
        async with live.edge.database.write(tenant_id, TESTS) as session:
            rights = [VISITS_VIEW, VISITS_EDIT, CLIENTS_VIEW, PHONE.reveal]
            assign(session, user, make_role(session, rights), Scope.OWN)
            make_kinds(session)
            client = make_client(session, owner_id=user.id, name="<i>网吧</i>")
            make_contact(session, client.id, phone="13900007788")
            visit = Visit(
                id=new_id(),
                client_id=client.id,
                owner_id=user.id,
                day=today("Asia/Shanghai"),
                created_by=user.id,
            )
            session.add(visit)
        return user, tenant_id, visit.id

    user, tenant_id, visit_id = live.run(made())
    token = sign_in(live, user).json()["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    uploaded = plain_http.post(
        f"{live.url}/files?name=a.jpg", content=PICTURE, headers={**header, "Content-Type": "image/jpeg"}
    ).json()

    async def attached() -> None:
        async with live.edge.database.write(tenant_id, TESTS) as session:
            row = await session.find(Visit, Visit.id == visit_id)
            file = (await session.scalars(select(StoredFile).where(session.within(StoredFile))))[0]
            assert row is not None
            row.photo_ids, file.purpose = [file.id], "visit_photo"

    live.run(attached())
    return header, f"{tenant_id} {visit_id} {uploaded['id']}"


def test_the_sheet_is_printed(live: Live, day: tuple[dict[str, str], str]) -> None:
    header, _ = day
    address = f"{live.url}/visits/day-sheet"
    page = plain_http.get(address, headers={**header, "Accept-Language": "en"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "private, no-store"
    assert "&lt;i&gt;网吧&lt;/i&gt;" in page.text
    assert "Day sheet" in page.text
    assert "13900007788" not in page.text
    printed = plain_http.get(f"{address}?form=pdf", headers=header, timeout=60)
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    assert printed.content.startswith(b"%PDF-")
    assert plain_http.get(address).status_code == 401
    assert plain_http.get(f"{address}?owner_id={new_id()}", headers=header).status_code == 404
    assert plain_http.get(f"{address}?form=doc", headers=header).status_code == 422


def test_phones_in_full_are_on_record(live: Live, day: tuple[dict[str, str], str]) -> None:
    header, ids = day
    page = plain_http.get(f"{live.url}/visits/day-sheet?reveal=true", headers=header)
    assert "13900007788" in page.text

    async def actions() -> list[str]:
        async with live.edge.database.read(UUID(ids.split()[0]), TESTS) as reading:
            return list(await reading.scalars(select(AuditEvent.action).where(reading.within(AuditEvent))))

    assert "read.day_sheet" in live.run(actions())


def test_a_photo_is_opened_through_its_visit_only(live: Live, day: tuple[dict[str, str], str]) -> None:
    header, ids = day
    _, visit_id, file_id = ids.split()
    answer = plain_http.get(f"{live.url}/visits/{visit_id}/photos/{file_id}", headers=header)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/jpeg", PICTURE)
    assert plain_http.get(f"{live.url}/visits/{visit_id}/photos/{new_id()}", headers=header).status_code == 404
    assert plain_http.get(f"{live.url}/files/{file_id}", headers=header).status_code == 404
