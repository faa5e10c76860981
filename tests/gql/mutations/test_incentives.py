"""Pay over the API: from the scheme to the exported file, a dispute and its correction."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from steward_core.approvals.service import decide, of_subject
from steward_core.approvals.trail import Act
from steward_core.incentives.errors import SchemeRefused
from steward_core.incentives.models import PayLine, PayRun, PayStatement
from steward_core.runs.service import drive
from steward_graphql.functions.incentives import FUNCTIONS
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from tests.core.incentives.company import TOOLS, document, earn, make_company
from tests.gql.functions.shown import shown
from tests.gql.mutations.asking import ask, asked
from tests.gql.mutations.place import Place

WHAT_IF, REPLAY = FUNCTIONS
OCTOBER = "2026-10-01"


async def test_pay_from_the_scheme_to_the_file(database: Database, tmp_path: Path) -> None:
    company = await make_company(database, "a")
    first, second, person = (
        asked(database, company.tenant, company.actors[name], folder=tmp_path) for name in ("first", "second", "a")
    )
    unit = str(company.units["department"])
    scheme = str((await ask(first, "createPayScheme", key="own", titleZh="自己", titleEn="Own", unitId=unit))["scheme"])
    gap = document()
    gap["tiers"][1]["at_least"] = 2_000_001
    with pytest.raises(SchemeRefused) as refused:
        await ask(first, "addPaySchemeVersion", schemeId=scheme, effectiveFrom="2026-01-01", document=gap)
    assert [one.path for one in refused.value.problems] == [("document", "tiers", "1", "at_least")]
    await ask(first, "addPaySchemeVersion", schemeId=scheme, effectiveFrom="2026-01-01", document=document())
    await ask(first, "changePayScheme", schemeId=scheme, titleEn="Of our own")
    member = {"personId": str(company.people["a"].id), "role": "SALES", "fromMonth": "2026-01-01"}
    with pytest.raises(InvalidInput) as wrong:
        await ask(first, "addPayMembers", schemeId=scheme, members=[member, member])
    assert [one.path for one in wrong.value.problems] == [("members", "1", "from_month")]
    (made,) = (await ask(first, "addPayMembers", schemeId=scheme, members=[member]))["members"]
    await ask(first, "endPayMember", memberId=str(made), untilMonth="2026-12-01")
    async with database.read(company.tenant, company.actors["a"]) as session:
        tried = await WHAT_IF.call(session, person, month=date(2026, 10, 1), revenue=2_000_000)
        answer = shown(WHAT_IF.result, tried)
    assert (answer["total"], [line["fen"] for line in answer["lines"]]) == (550_000, [250_000, 300_000, 0])
    await earn(company, {"a": 2_000_000}, date(2026, 10, 1))
    requested = await ask(first, "requestPayRun", schemeId=scheme, month=OCTOBER)
    await drive(database, company.tenant, company.actors["first"], requested["run"], TOOLS)
    pay_run = {"runId": str(requested["payRun"])}
    await ask(first, "submitPayRun", **pay_run)
    await ask(first, "recallPayRun", **pay_run)
    await ask(first, "submitPayRun", **pay_run)
    async with database.write(company.tenant, company.actors["second"]) as session:
        approval = await of_subject(session, "pay_run", requested["payRun"])
        assert approval is not None
        await decide(session, approval.id, act=Act.APPROVE, turn=approval.turn)
    here = Place(database, company.tenant, tmp_path, *(None,) * 4)  # type: ignore[arg-type]  # only its rows are asked
    kept = await ask(second, "exportPayRun", **pay_run, format="CSV")
    assert kept["rows"] == 1
    (run,) = await here.rows(PayRun)
    assert (run.status, run.total) == ("exported", 550_000)
    (line,) = await here.rows(PayLine, PayLine.rule == "commission")
    dispute = str((await ask(person, "disputePayLine", lineId=str(line.id), text="少算一笔"))["dispute"])
    await ask(person, "withdrawPayDispute", disputeId=dispute)
    dispute = str((await ask(person, "disputePayLine", lineId=str(line.id), text="确实少算"))["dispute"])
    await ask(second, "decidePayDispute", disputeId=dispute, accepted=True, answer="补发", correctionFen="100")
    (statement,) = await here.rows(PayStatement)
    extra = await ask(first, "addPayCorrection", statementId=str(statement.id), fen="-50", reason="多发")
    await ask(first, "withdrawPayCorrection", correctionId=str(extra["correction"]))
    again = await ask(first, "requestPayRun", schemeId=scheme, month=OCTOBER, reason="再算")
    await ask(first, "discardPayRun", runId=str(again["payRun"]), reason="不需要")
    async with database.read(company.tenant, company.actors["first"]) as session:
        report = shown(REPLAY.result, await REPLAY.call(session, first, id=run.id))
    assert (report["same"], report["checked"], report["total"]) == (True, 1, 550_000)
