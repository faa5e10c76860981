"""What the platform knows about requests, promises and opportunities of people, as lines of their reports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, select

from steward_core.clients.models import Client
from steward_core.opportunities.models import Opportunity, OpportunityStep
from steward_core.promises.models import ClockState, PromiseClock, RequestStatus, ServiceRequest
from steward_core.reports.asked import Asked, line


def requests_opened(asked: Asked) -> Select[Any]:
    """Wishes and complaints that came in, with whoever follows them up."""
    return _requests(asked, ServiceRequest.opened_at)


def requests_answered(asked: Asked) -> Select[Any]:
    """Requests whose client was answered."""
    return _requests(asked, ServiceRequest.answered_at, answer=ServiceRequest.answer)


def _requests(asked: Asked, moment: Any, **more: Any) -> Select[Any]:
    return (
        select(
            ServiceRequest.owner_id,
            line(
                request_id=ServiceRequest.id,
                day=asked.day_of(moment),
                client_id=Client.id,
                client=Client.name,
                kind=ServiceRequest.kind,
                title=ServiceRequest.title,
                status=ServiceRequest.status,
                **more,
            ),
        )
        .join_from(ServiceRequest, Client, asked.client_of(ServiceRequest.client_id))
        .where(
            asked.session.within(ServiceRequest),
            asked.theirs(ServiceRequest.owner_id),
            ServiceRequest.status != RequestStatus.CANCELLED.value,
            asked.within_moments(moment),
        )
        .order_by(moment, ServiceRequest.id)
    )


def promises_kept(asked: Asked) -> Select[Any]:
    """Promises and follow-ups that were done in time."""
    return _clocks(asked, PromiseClock.ended_at).where(PromiseClock.state == ClockState.KEPT.value)


def promises_broken(asked: Asked) -> Select[Any]:
    """Promises and follow-ups whose time ran out in the period, done since or not."""
    return _clocks(asked, PromiseClock.due_at).where(
        PromiseClock.breach.is_not(None), PromiseClock.state != ClockState.CANCELLED.value
    )


def _clocks(asked: Asked, moment: Any) -> Select[Any]:
    return (
        select(
            PromiseClock.owner_id,
            line(
                clock_id=PromiseClock.id,
                day=asked.day_of(moment),
                client_id=Client.id,
                client=Client.name,
                promise=PromiseClock.promise,
                title_zh=PromiseClock.title_zh,
                title_en=PromiseClock.title_en,
                state=PromiseClock.state,
            ),
        )
        .join_from(PromiseClock, Client, asked.client_of(PromiseClock.client_id), isouter=True)
        .where(
            asked.session.within(PromiseClock),
            asked.theirs(PromiseClock.owner_id),
            asked.within_moments(moment),
        )
        .order_by(moment, PromiseClock.id)
    )


def opportunities_moved(asked: Asked) -> Select[Any]:
    """Steps of opportunities through their stages, new ones too."""
    return (
        select(
            Opportunity.owner_id,
            line(
                opportunity_id=Opportunity.id,
                day=asked.day_of(OpportunityStep.at),
                client_id=Client.id,
                client=Client.name,
                title=Opportunity.title,
                before=OpportunityStep.before,
                after=OpportunityStep.after,
                outcome=OpportunityStep.outcome,
                amount=OpportunityStep.amount,
            ),
        )
        .join_from(
            OpportunityStep,
            Opportunity,
            and_(asked.session.within(Opportunity), Opportunity.id == OpportunityStep.opportunity_id),
        )
        .join(Client, asked.client_of(Opportunity.client_id))
        .where(
            asked.session.within(OpportunityStep),
            asked.theirs(Opportunity.owner_id),
            asked.within_moments(OpportunityStep.at),
        )
        .order_by(OpportunityStep.at, OpportunityStep.id)
    )
