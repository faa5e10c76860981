"""Records of plugins' forms: typed values, drafts, moves, and the same with JSON."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from steward_core.forms.models import FormRecord
from steward_graphql.declared.scalars import EnumKind, Kind, enum_name
from steward_graphql.declared.shapes import InputObject
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput, StewardError
from tests.core.factories import make_client
from tests.factories import TESTS
from tests.gql.mutations.asking import by_name
from tests.gql.mutations.place import Place, make_place


@pytest_asyncio.fixture(loop_scope="session")
async def telecom(database: Database, tmp_path: Path) -> Place:
    """A tenant of the telecom industry."""
    return await make_place(database, tmp_path, "telecom", "tobacco")


REPORT: dict[str, Any] = {
    "competitor": "远通", "offer": "首年五折", "strength": "STRONG", "source": "走访", "reportedOn": "2026-11-20",
}  # fmt: skip


async def stored(place: Place, record_id: UUID) -> FormRecord:
    (row,) = await place.rows(FormRecord, FormRecord.id == record_id)
    assert isinstance(row, FormRecord)
    return row


async def test_a_typed_record_is_saved_and_changed(telecom: Place) -> None:
    saved = await telecom.ask("saveTelecomCompetitorReport", clientId=str(telecom.client_id), values=REPORT)
    row = await stored(telecom, saved["record"])
    assert (row.form, row.state, row.document["reported_on"]) == ("telecom.competitor_report", "filed", "2026-11-20")
    assert row.document["strength"] == "strong"
    await telecom.ask(
        "saveTelecomCompetitorReport",
        clientId=str(telecom.client_id),
        recordId=str(row.id),
        version=row.version,
        values={**REPORT, "urgent": True, "validFrom": None},
    )
    assert (await stored(telecom, row.id)).document["urgent"] is True


async def test_rows_money_and_decimals(telecom: Place) -> None:
    client = str(telecom.client_id)
    item = {"service": "专线", "quantity": "2", "standardPrice": "100000", "askedPrice": "80000"}
    values = {
        "trade": "制造",
        "services": "专线",
        "background": "续约",
        "competition": "远通五折",
        "items": [item],
        "approverChain": ["部门经理"],
    }
    answer = await telecom.ask("saveTelecomDiscountRequest", clientId=client, values=values, state="submitted")
    row = await stored(telecom, answer["record"])
    assert row.state == "submitted"
    assert row.document["items"] == [{"service": "专线", "quantity": 2, "standard_price": 100000, "asked_price": 80000}]
    weakness = values_kinds("saveTobaccoGuidanceCard")["weakness"]
    assert isinstance(weakness, EnumKind)
    card = {
        "givenOn": "2026-11-20",
        "bestStock": "32.5",
        "weakness": enum_name(weakness.members[0][0]),
        "measure": "每周补货一次",
    }
    async with telecom.database.write(telecom.tenant_id, TESTS) as session:
        shop = make_client(session, kind="retailer", owner_id=telecom.manager.id)
    answer = await telecom.ask("saveTobaccoGuidanceCard", clientId=str(shop.id), values=card)
    assert Decimal((await stored(telecom, answer["record"])).document["best_stock"]) == Decimal("32.5")


def values_kinds(mutation: str) -> dict[str, Kind | InputObject]:
    (values,) = [one.kind for one in by_name()[mutation].arguments if one.name == "values"]
    assert isinstance(values, InputObject)
    return {one.name: one.kind for one in values.parts}


async def test_problems_name_the_values(telecom: Place) -> None:
    with pytest.raises(InvalidInput) as refused:
        await telecom.ask(
            "saveRecord",
            form="telecom.competitor_report",
            subjectId=str(telecom.client_id),
            values={"competitor": "", "custom": 1},
        )
    assert {("values", "competitor"), ("values", "offer")} <= {problem.path for problem in refused.value.problems}
    with pytest.raises(InvalidInput) as refused:
        await telecom.ask(
            "saveTelecomCompetitorReportDraft",
            clientId=str(telecom.client_id),
            values={"competitor": "远" * 5000},
            custom={"nothing": 1},
        )
    assert {problem.path[0] for problem in refused.value.problems} <= {"values", "custom"}


async def test_a_draft_is_moved_on_or_discarded(telecom: Place) -> None:
    client = str(telecom.client_id)
    draft = await telecom.ask("saveTelecomNeedSolutionDraft", clientId=client, values={"pain": "上网慢"})
    row = await stored(telecom, draft["record"])
    assert (row.state, row.document) == ("draft", {"pain": "上网慢"})
    with pytest.raises(InvalidInput) as refused:
        await telecom.ask("moveRecord", recordId=str(row.id), move="file")
    assert any(problem.path[-1] == "need_area" for problem in refused.value.problems)
    assert await telecom.ask("discardDraft", recordId=str(row.id)) == {"id": row.id}
    assert await telecom.rows(FormRecord) == []


async def test_a_subject_of_another_sort_is_refused(telecom: Place) -> None:
    with pytest.raises(StewardError):
        await telecom.ask("saveTelecomEquipmentIssueDraft", personId=str(telecom.client_id), values={})
    saved = await telecom.ask(
        "saveTelecomEquipmentIssueDraft", personId=str(telecom.manager.id), values={"item": "光猫"}
    )
    row = await stored(telecom, saved["record"])
    assert row.document == {"item": "光猫"}
