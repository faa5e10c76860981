"""Disputes and corrections: what was published stays, and what it owes is a line of a later statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from steward_core.inbox.items import InboxKind
from steward_core.inbox.queries import inbox_of
from steward_core.incentives.corrections import add_correction, withdraw_correction
from steward_core.incentives.disputes import decide_dispute, raise_dispute, withdraw_dispute
from steward_core.incentives.errors import (
    CorrectionTaken,
    DisputeDecided,
    DisputeExists,
    DisputeNotFound,
    DisputeTooLate,
    OwnPay,
    PayLineNotFound,
    PayRunOutdated,
    PayStatementNotFound,
)
from steward_core.incentives.models import PayCorrection, PayLine, PayRun, PayStatement
from steward_core.incentives.replay import replay_pay_run
from steward_core.incentives.service import discard_pay_run, submit_pay_run
from steward_core.incentives.settings import DISPUTE_DAYS
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.privacy.subjects import SOURCES
from tests.core.incentives.company import (
    NOVEMBER,
    OCTOBER,
    TODAY,
    Company,
    approved,
    drafted,
    earn,
    figures_of,
    make_company,
    pay,
    settled,
    submitted,
    totals,
)
from tests.factories import TESTS


async def paid(database: Database) -> tuple[Company, PayRun]:
    """A company whose October was approved: `a` with 3,000.00 of commission, and `b`."""
    company = await make_company(database, "a", "b")
    await pay(company, "a", "b")
    await earn(company, {"a": 2_000_000}, OCTOBER)
    return company, await approved(company, OCTOBER)


async def line_of(company: Company, pay_run: PayRun, person: str, rule: str = "commission") -> PayLine:
    async with company.database.read(company.tenant, TESTS) as session:
        found: PayLine | None = await session.scalar(
            select(PayLine)
            .join(PayStatement, PayStatement.id == PayLine.statement_id)
            .where(
                session.within(PayLine),
                session.within(PayStatement),
                PayStatement.run_id == pay_run.id,
                PayStatement.person_id == company.people[person].id,
                PayLine.rule == rule,
            )
        )
    assert found is not None
    return found


async def test_a_dispute_is_the_persons_own_and_is_mended_in_the_next_month(database: Database) -> None:
    company, october = await paid(database)
    line = await line_of(company, october, "a")
    async with database.write(company.tenant, company.actors["b"]) as session:
        with pytest.raises(PayLineNotFound):
            await raise_dispute(session, line.id, "不是我的")
    async with database.write(company.tenant, company.actors["a"]) as session:
        dispute = await raise_dispute(session, line.id, "有一笔收入未计入")
        with pytest.raises(DisputeExists):
            await raise_dispute(session, line.id, "再提一次")
        with pytest.raises(Forbidden):
            await decide_dispute(session, dispute.id, accepted=True, answer="好", today=TODAY)
    async with database.write(company.tenant, company.actors["b"]) as session:
        with pytest.raises(DisputeNotFound):
            await withdraw_dispute(session, dispute.id)
    async with database.read(company.tenant, company.actors["second"]) as session:
        (waiting,) = await inbox_of(session, today=TODAY, kinds=[InboxKind.PAY_DISPUTE])
    assert (waiting.id, waiting.title.en) == (dispute.id, "Dispute about pay to answer: 2026-10")
    async with database.write(company.tenant, company.actors["second"]) as session:
        with pytest.raises(InvalidInput):
            await decide_dispute(session, dispute.id, accepted=False, answer="否", correction_fen=1, today=TODAY)
        decided = await decide_dispute(
            session, dispute.id, accepted=True, answer="属实，补发", correction_fen=12_345, today=TODAY
        )
        assert decided.status == "accepted"
    async with database.write(company.tenant, company.actors["a"]) as session:
        with pytest.raises(DisputeDecided):
            await withdraw_dispute(session, dispute.id)
    assert await totals(company, october) == {"a": 550_000, "b": 250_000}
    november = await approved(company)
    assert (await figures_of(company, november))["a"] == {
        "base_pay": 250_000,
        "commission": 0,
        "monthly_target": 0,
        "correction": 12_345,
    }
    corrected = await line_of(company, november, "a", "correction")
    assert corrected.formula_en == "Correction of 2026-10: 属实，补发 = 123.45"
    async with database.read(company.tenant, company.actors["first"]) as session:
        assert (await replay_pay_run(session, november.id, today=TODAY)).same
        copy = await SOURCES["pay_statements"].collect(session, company.people["a"])
        assert [(row["month"], row["fen"]) for row in copy if row["fen"]] == [
            (OCTOBER, 250_000),
            (OCTOBER, 300_000),
            (NOVEMBER, 250_000),
            (NOVEMBER, 12_345),
        ]
        (said,) = await SOURCES["pay_disputes"].collect(session, company.people["a"])
        assert (said["status"], said["answer"]) == ("accepted", "属实，补发")


async def test_disputes_end_some_days_after_approval(database: Database) -> None:
    company, october = await paid(database)
    line = await line_of(company, october, "b")
    async with database.write(company.tenant, TESTS) as session:
        await set_setting(session, DISPUTE_DAYS.key, 3)
        await session.execute(
            update(PayRun)
            .where(session.within(PayRun), PayRun.id == october.id)
            .values(approved_at=datetime.now(UTC) - timedelta(days=3, minutes=1))
        )
    async with database.write(company.tenant, company.actors["b"]) as session:
        with pytest.raises(DisputeTooLate):
            await raise_dispute(session, line.id, "太晚")


async def test_a_draft_is_not_disputed_and_not_corrected(database: Database) -> None:
    company = await make_company(database, "a")
    await pay(company, "a")
    draft = await drafted(company)
    line = await line_of(company, draft, "a")
    async with database.write(company.tenant, company.actors["a"]) as session:
        with pytest.raises(PayLineNotFound):
            await raise_dispute(session, line.id, "还没公布")


async def correction(company: Company, line: PayLine, fen: int, *, by: str = "first") -> UUID:
    async with company.database.write(company.tenant, company.actors[by]) as session:
        return (await add_correction(session, line.statement_id, fen, "少算一天", today=TODAY)).id


async def test_a_correction_is_paid_once(database: Database) -> None:
    company, october = await paid(database)
    line = await line_of(company, october, "a")
    held = await correction(company, line, -5_000)
    async with database.write(company.tenant, company.actors["a"]) as session:
        with pytest.raises(Forbidden):
            await add_correction(session, line.statement_id, 100, "给自己", today=TODAY)
    draft = await drafted(company)
    assert (await figures_of(company, draft))["a"]["correction"] == -5_000
    async with database.write(company.tenant, company.actors["first"]) as session:
        with pytest.raises(CorrectionTaken):
            await withdraw_correction(session, held, today=TODAY)
        await discard_pay_run(session, draft.id, today=TODAY)
    november = await approved(company)
    assert (await figures_of(company, november))["a"]["correction"] == -5_000
    revised = await approved(company, reason="重新核算")
    assert (await figures_of(company, revised))["a"]["correction"] == -5_000
    async with database.read(company.tenant, TESTS) as session:
        kept = await session.get(PayCorrection, held)
    assert kept is not None
    assert kept.paid_run_id == revised.id


async def test_a_draft_whose_correction_was_paid_elsewhere_is_not_submitted(database: Database) -> None:
    company, october = await paid(database)
    line = await line_of(company, october, "a")
    draft = await drafted(company)
    async with database.write(company.tenant, company.actors["first"]) as session:
        await add_correction(session, line.statement_id, 7_000, "补", today=TODAY, month=OCTOBER)
    # October once more holds the correction first; November's second draft takes it in as well.
    again = await drafted(company, OCTOBER, reason="补发")
    async with database.write(company.tenant, company.actors["first"]) as session:
        await discard_pay_run(session, draft.id, today=TODAY)
    both = await drafted(company, NOVEMBER)
    assert "correction" in (await figures_of(company, both))["a"]
    await settled(company, await submitted(company, again))
    async with database.write(company.tenant, company.actors["first"]) as session:
        with pytest.raises(PayRunOutdated):
            await submit_pay_run(session, both.id, today=TODAY)


async def test_nobody_decides_about_the_own_pay(database: Database) -> None:
    company = await make_company(database, "a")
    await pay(company, "a", "second")
    october = await approved(company, OCTOBER)
    line = await line_of(company, october, "second")
    async with database.write(company.tenant, company.actors["second"]) as session:
        dispute = await raise_dispute(session, line.id, "太少")
        with pytest.raises(OwnPay):
            await decide_dispute(session, dispute.id, accepted=True, answer="好", today=TODAY)
        with pytest.raises(OwnPay):
            await add_correction(session, line.statement_id, 100, "多给", today=TODAY)
    async with database.write(company.tenant, company.actors["first"]) as session:
        with pytest.raises(PayStatementNotFound):
            await add_correction(session, line.id, 100, "不存在", today=TODAY)
