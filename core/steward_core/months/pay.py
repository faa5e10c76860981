"""Pay runs of a closed month, asked for by the platform: drafts, which payroll then submits for approval."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.people import holders_of
from steward_core.incentives.errors import NobodyToPay, NoSchemeInForce, PayRunExists
from steward_core.incentives.models import PayScheme, SchemeStatus
from steward_core.incentives.service import request_pay_run
from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import notify
from steward_core.permissions import STATEMENTS_RUN
from steward_core.visits.actions import month_of
from steward_tenants.access.queries import today
from steward_tenants.audit.service import Subject
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import system
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job
from steward_tenants.texts import Bilingual

PAY = "months.pay"
PAYING = system("months")
REFUSED = declare_notice("incentives.refused", "薪酬核算未能发起", "A pay run could not be asked for")


async def pay(place: JobPlace, payload: Payload) -> bool:
    """Ask for the pay run of each scheme; each in a transaction of its own. A scheme that has one, or nobody, is passed
    over; of one that lacks a figure those are told who run pay."""
    month = date.fromisoformat(payload["month"])
    day = today((await tenant_facts(place.database, place.tenant_id)).time_zone)
    async with place.database.read(place.tenant_id, PAYING) as reading:
        active = PayScheme.status == SchemeStatus.ACTIVE.value
        schemes = list(await reading.scalars(select(PayScheme.id).where(reading.within(PayScheme), active)))
    for scheme_id in sorted(schemes):
        try:
            async with place.database.write(place.tenant_id, PAYING) as session:
                await request_pay_run(session, scheme_id, month, today=day)
        except (PayRunExists, NobodyToPay, NoSchemeInForce):
            continue
        except StewardError as refusal:
            async with place.database.write(place.tenant_id, PAYING) as session:
                await _tell(session, scheme_id, month, day, refusal)
    return True


async def _tell(session: WriteSession, scheme_id: UUID, month: date, day: date, refusal: StewardError) -> None:
    name = month_of(month).name
    await notify(
        session,
        await holders_of(session, STATEMENTS_RUN, day),
        REFUSED.key,
        title=Bilingual(f"{name} 薪酬核算未能发起", f"The pay run of {name} could not be asked for"),
        body=Bilingual(f"{refusal.text.zh}{refusal.advice.zh}", f"{refusal.text.en} {refusal.advice.en}"),
        subject=Subject("pay_scheme", scheme_id),
        key=f"{scheme_id}:{name}",
    )


declare_job(PAY, "发起薪酬核算", "Ask for pay runs", Queue.BULK, beside=pay)
