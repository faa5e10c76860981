"""What is revealed is on record, and only as far as the actor's scope reveals it."""

from __future__ import annotations

import pytest

from steward_core.clients.errors import ClientNotFound
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access import permissions as p
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from tests.core.clients.companies import acts_as
from tests.gql.mutations.place import Place, make_place

REPORT = {
    "applicant": "赵一", "installAddress": "城北路 1 号", "contactName": "钱七", "contactPhone": "13900004444",
    "mailingAddress": "城北路 1 号", "lineRateMbit": "100", "addresses": 4,
}  # fmt: skip


async def test_a_client_is_revealed_on_record(place: Place) -> None:
    await place.ask("addContact", clientId=str(place.client_id), fields={"name": "钱七", "phone": "13900005555"})
    answer = await place.ask("revealClient", clientId=str(place.client_id))
    assert (answer["client"], answer["phone"], answer["phoneRevealed"]) == (place.client_id, "13900003333", True)
    (contact,) = answer["contacts"]
    assert (contact["phone"], contact["revealed"]) == ("13900005555", ["phone"])
    (event,) = await place.rows(AuditEvent, AuditEvent.action == "read.client")
    assert (event.subject_id, event.actor_id) == (place.client_id, place.boss.id)


async def test_what_scope_does_not_reveal_stays_masked(place: Place) -> None:
    reader = place.as_manager_with(CLIENTS_VIEW)
    answer = await place.ask("revealClient", reader, clientId=str(place.client_id))
    assert (answer["phoneRevealed"], answer["phone"] == "13900003333") == (False, False)
    stranger = acts_as(place.boss, CLIENTS_VIEW, p.REVEAL_PHONE)
    with pytest.raises(ClientNotFound):
        await place.ask("revealClient", stranger, clientId=str(place.client_id))


async def test_a_person_is_revealed_on_record(place: Place) -> None:
    answer = await place.ask("revealPerson", personId=str(place.manager.id))
    assert (answer["person"], answer["phone"]) == (place.manager.id, "13900002222")
    assert "phone" in answer["revealed"]
    reader = acts_as(place.boss, p.PEOPLE_VIEW, scope=Scope.ALL)
    masked = await place.ask("revealPerson", reader, personId=str(place.manager.id))
    assert (masked["revealed"], masked["phone"] == "13900002222") == ([], False)
    assert len(await place.rows(AuditEvent, AuditEvent.action == "read.person")) == 1


async def test_a_record_is_revealed_on_record(database: Database, place: Place) -> None:
    telecom = await make_place(database, place.folder, "telecom")
    saved = await telecom.ask("saveTelecomIpRequest", clientId=str(telecom.client_id), values=REPORT)
    answer = await telecom.ask("revealRecord", recordId=str(saved["record"]))
    assert answer["values"]["contact_phone"] == "13900004444"
    assert answer["revealed"] == ["contact_phone"]
    assert "read.form_record" in await telecom.actions()
