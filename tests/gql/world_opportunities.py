"""Rows of opportunities in the world."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from steward_core.opportunities.models import (
    ContractFile,
    ContractPaper,
    DiscountRequest,
    Opportunity,
    OpportunityAdvice,
    OpportunityMember,
    OpportunityStep,
    PipelineReview,
    Proposal,
    ServiceOrder,
)
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

# owner, unit, in the team, stage, outcome
OPPORTUNITIES = (
    ("am1", "east1", "am2", "lead", "open"),
    ("am2", "west", None, "proposal", "open"),
    ("lead", "east", "am1", "signed", "signed"),
    ("odd", None, "lead", "lost", "lost"),
    (None, "west", None, "own_stage", "open"),
    ("boss", "hq", None, "delivered", "delivered"),
)


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of opportunities of a tenant; clients and people are there."""
    made = [_opportunity(session, tenant, place, *one) for place, one in enumerate(OPPORTUNITIES)]
    await session.flush()
    for place, (one, (_, _, member, stage, _)) in enumerate(zip(made, OPPORTUNITIES, strict=True)):
        if member is not None:
            session.add(
                OpportunityMember(
                    opportunity_id=one.id,
                    user_id=tenant.people[member].id,
                    part=f"售前{tenant.mark('opportunity', one.id)}",
                    added_by=one.created_by,
                )
            )
        _step(session, tenant, one, None, "lead")
        _step(session, tenant, one, "lead", stage)
        await session.flush()
        await _proposals(session, tenant, one, place)
        _discount(session, tenant, one, place)
        _advice(session, tenant, one)
        await _contract(session, tenant, one, place)
    for place, unit in enumerate(("east1", "west", "hq")):
        review_id = new_id()
        added(
            session,
            tenant,
            PipelineReview(
                id=review_id,
                unit_id=tenant.units[unit].id,
                week=date(2026, 3, 2) + timedelta(days=7 * place),
                note=f"评审{tenant.mark('pipeline_review', review_id)}",
                figures={"weighted": place},
                reviewed_by=tenant.people["lead"].id,
                reviewed_at=MOMENT,
            ),
        )
    await session.flush()


def _opportunity(
    session: WriteSession,
    tenant: Tenant,
    place: int,
    owner: str | None,
    unit: str | None,
    _member: str | None,
    stage: str,
    outcome: str,
) -> Opportunity:
    row_id = new_id()
    mark = tenant.mark("opportunity", row_id)
    lost = outcome == "lost"
    found: Opportunity = added(
        session,
        tenant,
        Opportunity(
            id=row_id,
            client_id=tenant.rows["client"][place].id,
            title=f"商机{place % 3}{mark}",
            need=f"需求{mark}" if place % 2 else None,
            stage=stage,
            outcome=outcome,
            amount=None if place == 1 else place * 100_003 + 50,
            probability=place * 15,
            expected_on=None if place == 4 else date(2020, 1, 1) + timedelta(days=place * 1000),
            owner_id=tenant.people[owner].id if owner else None,
            unit_id=tenant.units[unit].id if unit else None,
            lost_reason="price" if lost else None,
            lost_note=f"贵{mark}" if lost else None,
            stage_since=MOMENT + timedelta(hours=place),
            ended_at=MOMENT if outcome != "open" else None,
            created_by=tenant.people[owner or "boss"].id,
            created_at=MOMENT + timedelta(minutes=place),
            updated_at=MOMENT,
        ),
    )
    return found


def _step(session: WriteSession, tenant: Tenant, one: Opportunity, before: str | None, after: str) -> None:
    step_id = new_id()
    added(
        session,
        tenant,
        OpportunityStep(
            id=step_id,
            opportunity_id=one.id,
            before=before,
            after=after,
            outcome=one.outcome,
            amount=one.amount,
            probability=one.probability,
            by=one.created_by,
            at=MOMENT,
            reason=f"因为{tenant.mark('opportunity_step', step_id)}" if before else None,
        ),
    )


async def _proposals(session: WriteSession, tenant: Tenant, one: Opportunity, place: int) -> None:
    before: Any = None
    for number, state in ((1, "superseded"), (2, "sent" if place % 2 else "waiting")):
        row_id = new_id()
        mark = tenant.mark("proposal", row_id)
        sent = state != "waiting"
        added(
            session,
            tenant,
            Proposal(
                id=row_id,
                opportunity_id=one.id,
                number=number,
                title=f"方案{mark}",
                body=f"正文{mark}",
                items=[{"title": mark, "quantity": 1, "standard": 200, "quoted": 150}],
                standard_total=200 + place,
                quoted_total=150 + place,
                state=state,
                changes_id=before,
                change=f"改{mark}" if before else None,
                sent_at=MOMENT + timedelta(days=number) if sent else None,
                sent_by=one.created_by if sent else None,
                view="undecided" if sent and place % 2 else None,
                view_note=f"等{mark}" if sent else None,
                created_by=one.created_by,
                created_at=MOMENT,
                updated_at=MOMENT,
            ),
        )
        await session.flush()
        before = row_id


def _discount(session: WriteSession, tenant: Tenant, one: Opportunity, place: int) -> None:
    row_id = new_id()
    mark = tenant.mark("discount_request", row_id)
    added(
        session,
        tenant,
        DiscountRequest(
            id=row_id,
            opportunity_id=one.id,
            trade="finance" if place % 2 else None,
            services=f"专线{mark}",
            background=f"背景{mark}",
            competition=f"对手{mark}",
            items=[{"title": mark, "quantity": 1, "standard": 200, "asked": 150, "reason": mark}],
            standard_total=200,
            asked_total=150 - place,
            discount_total=50 + place,
            percent=Decimal("25.5000") + place,
            state=("submitted", "approved", "rejected")[place % 3],
            decided_by=tenant.people["lead"].id if place % 3 else None,
            decided_at=MOMENT if place % 3 else None,
            decision=f"准{mark}" if place % 3 else None,
            created_by=one.created_by,
            created_at=MOMENT,
            updated_at=MOMENT,
        ),
    )


def _advice(session: WriteSession, tenant: Tenant, one: Opportunity) -> None:
    row_id = new_id()
    mark = tenant.mark("opportunity_advice", row_id)
    added(
        session,
        tenant,
        OpportunityAdvice(
            id=row_id,
            opportunity_id=one.id,
            advisor="telecom.leased_line",
            rule_version=1,
            plugin_version="1.0",
            question={"place": mark},
            settings={"access": mark},
            answer="vpls",
            title_zh=f"结论{mark}",
            title_en=f"Answer {mark}",
            lines=[{"zh": mark, "en": mark}],
            figures={"mark": mark},
            asked_by=one.created_by,
            asked_at=MOMENT,
        ),
    )


async def _contract(session: WriteSession, tenant: Tenant, one: Opportunity, place: int) -> None:
    row_id, order_id = new_id(), new_id()
    mark, of_order = tenant.mark("contract_file", row_id), tenant.mark("service_order", order_id)
    contract = tenant.rows["contract"][place]
    added(
        session,
        tenant,
        ContractFile(
            id=row_id,
            opportunity_id=one.id,
            contract_id=contract.id,
            template=f"清单{mark}",
            signed_at=MOMENT if place % 2 else None,
            signed_by=one.created_by if place % 2 else None,
            resource_available=True if place % 2 else None,
            created_by=one.created_by,
            created_at=MOMENT,
        ),
    )
    await session.flush()
    for number, key in enumerate(("contract", "licence")):
        session.add(
            ContractPaper(
                contract_file_id=row_id,
                key=key,
                place=number,
                title_zh=f"资料{mark}",
                title_en=f"Paper {mark}",
                copies=2,
                seam_seal=number == 0,
                present=place,
                sealed=place % 2 == 0,
                checked_by=one.created_by if place % 2 else None,
                checked_at=MOMENT if place % 2 else None,
            )
        )
    added(
        session,
        tenant,
        ServiceOrder(
            id=order_id,
            opportunity_id=one.id,
            contract_id=contract.id,
            service=f"业务{of_order}",
            engineering_contact=f"工程{of_order}",
            planned_on=date(2026, 4, 1) + timedelta(days=place),
            state=("accepted", "completed", "cancelled")[place % 3],
            ended_at=MOMENT if place % 3 else None,
            ended_by=one.created_by if place % 3 else None,
            note=f"取消{of_order}" if place % 3 == 2 else None,
            accepted_by=one.created_by,
            accepted_at=MOMENT,
        ),
    )
    await session.flush()
