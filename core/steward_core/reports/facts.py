"""What the platform knows about visits, plans and competitors: the part of a report that nobody has to write.

Each function gives one statement over all the people who are asked for, with their lines in order. Contacts stand in
lines by their ids only: names and phones are added when somebody reads a report, as that reader may see them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Text, and_, case, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client, ClientProduct, Contact, Product
from steward_core.forms.models import FormRecord
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.reports.asked import Asked, line
from steward_core.reports.periods import next_span
from steward_core.visits.models import Visit, VisitStatus

COMPETITOR_FORM = "%.competitor_report"
"""Forms of any industry that tell of competitors have this key."""


def visits(asked: Asked) -> Select[Any]:
    """Visits that were made, with what a daily log must hold [001#3]: client, address, contacts, main person, products
    in use, potential needs."""
    session = asked.session
    product, use, person = aliased(Product), aliased(ClientProduct), aliased(Contact)
    products = (
        select(func.jsonb_agg(aggregate_order_by(product.name, product.name)))
        .select_from(use)
        .join(product, and_(session.within(product), product.id == use.product_id))
        .where(
            session.within(use),
            use.client_id == Visit.client_id,
            or_(use.ended_on.is_(None), use.ended_on > asked.span.last),
        )
        .correlate(Visit)
        .scalar_subquery()
    )
    main_person = (
        select(func.min(cast(person.id, Text)))
        .where(session.within(person), person.client_id == Visit.client_id, person.main, person.left_on.is_(None))
        .correlate(Visit)
        .scalar_subquery()
    )
    return (
        select(
            Visit.owner_id,
            line(
                visit_id=Visit.id,
                day=Visit.day,
                kind=Visit.kind,
                client_id=Client.id,
                client=Client.name,
                address=Client.address,
                contact_ids=Visit.contact_ids,
                main_person_id=main_person,
                products=products,
                potential_needs=Client.potential_needs,
                needs=Visit.needs,
                needs_text=Visit.needs_text,
                wishes=Visit.wishes,
                complaints=Visit.complaints,
                topics=Visit.topics,
                summary=Visit.summary,
                next_step=Visit.next_step,
                next_due_on=Visit.next_due_on,
                intention=Visit.intention,
                improvement=Visit.improvement,
            ),
        )
        .join_from(Visit, Client, asked.client_of(Visit.client_id))
        .where(
            session.within(Visit),
            asked.theirs(Visit.owner_id),
            Visit.status == VisitStatus.DONE.value,
            Visit.day >= asked.span.start,
            Visit.day < asked.span.end,
        )
        .order_by(Visit.day, Visit.began_at, Visit.id)
    )


def _action(asked: Asked, **more: Any) -> Select[Any]:
    return (
        select(
            VisitPlan.owner_id,
            line(
                action_id=PlanAction.id,
                client_id=Client.id,
                client=Client.name,
                source=PlanAction.source,
                title=PlanAction.title,
                carried=PlanAction.carried,
                **more,
            ),
        )
        .join_from(PlanAction, VisitPlan, and_(asked.session.within(VisitPlan), VisitPlan.id == PlanAction.plan_id))
        .join(Client, asked.client_of(PlanAction.client_id))
        .where(asked.session.within(PlanAction), asked.theirs(VisitPlan.owner_id))
    )


def actions_done(asked: Asked) -> Select[Any]:
    """Actions ticked ★ in the period."""
    return (
        _action(asked, done_on=PlanAction.done_on, result=PlanAction.result)
        .where(
            PlanAction.status == ActionStatus.DONE.value,
            PlanAction.done_on >= asked.span.start,
            PlanAction.done_on < asked.span.end,
        )
        .order_by(PlanAction.done_on, PlanAction.id)
    )


def actions_open(asked: Asked) -> Select[Any]:
    """Actions that were due by the period's end and are open."""
    return (
        _action(asked, due_on=PlanAction.due_on, temporary=case((PlanAction.temporary, literal(True))))
        .where(PlanAction.status == ActionStatus.OPEN.value, PlanAction.due_on < asked.span.end)
        .order_by(PlanAction.due_on, PlanAction.id)
    )


def next_actions(asked: Asked) -> Select[Any]:
    """Open actions that are planned for, or due in, the period that follows."""
    ahead = next_span(asked.kind, asked.span)
    on = func.coalesce(PlanAction.planned_on, PlanAction.due_on)
    return (
        _action(asked, day=on)
        .where(PlanAction.status == ActionStatus.OPEN.value, on >= ahead.start, on < ahead.end)
        .order_by(on, PlanAction.place_on_day, PlanAction.id)
    )


def next_visits(asked: Asked) -> Select[Any]:
    """Visits that are prepared for the period that follows and serve no planned action."""
    ahead = next_span(asked.kind, asked.span)
    return (
        select(
            Visit.owner_id,
            line(visit_id=Visit.id, day=Visit.day, client_id=Client.id, client=Client.name, title=Visit.aim),
        )
        .join_from(Visit, Client, asked.client_of(Visit.client_id))
        .where(
            asked.session.within(Visit),
            asked.theirs(Visit.owner_id),
            Visit.status == VisitStatus.PREPARED.value,
            Visit.action_id.is_(None),
            Visit.day >= ahead.start,
            Visit.day < ahead.end,
        )
        .order_by(Visit.day, Visit.id)
    )


def signs(asked: Asked) -> Select[Any]:
    """What visits told of competitors."""
    return (
        select(
            Visit.owner_id,
            line(
                visit_id=Visit.id, day=Visit.day, client_id=Client.id, client=Client.name, text=Visit.competitor_signs
            ),
        )
        .join_from(Visit, Client, asked.client_of(Visit.client_id))
        .where(
            asked.session.within(Visit),
            asked.theirs(Visit.owner_id),
            Visit.status == VisitStatus.DONE.value,
            Visit.competitor_signs.is_not(None),
            Visit.day >= asked.span.start,
            Visit.day < asked.span.end,
        )
        .order_by(Visit.day, Visit.id)
    )


def competitor_forms(asked: Asked) -> Select[Any]:
    """Reports of competitors that these people wrote."""
    return (
        select(
            FormRecord.created_by,
            line(
                record_id=FormRecord.id,
                day=asked.day_of(FormRecord.created_at),
                client_id=Client.id,
                client=Client.name,
                text=FormRecord.title,
            ),
        )
        .join_from(FormRecord, Client, asked.client_of(FormRecord.client_id), isouter=True)
        .where(
            asked.session.within(FormRecord),
            asked.theirs(FormRecord.created_by),
            FormRecord.form.like(COMPETITOR_FORM),
            FormRecord.state != "draft",
            asked.within_moments(FormRecord.created_at),
        )
        .order_by(FormRecord.created_at, FormRecord.id)
    )
