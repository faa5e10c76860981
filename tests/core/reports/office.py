"""A company with a branch below its head office, two managers, their lead, and what they did in a week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from steward_core.clients.models import Client, ClientProduct, Contact, Product
from steward_core.opportunities.models import Opportunity, OpportunityStep
from steward_core.permissions import CLIENTS_VIEW, REPORTS_COMMENT, REPORTS_EDIT, REPORTS_VIEW
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.promises.models import PromiseClock, ServiceRequest
from steward_core.visits.models import Visit
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.organisation.models import OrgUnit, UnitPath
from steward_tenants.people.models import User
from tests.core.factories import make_client, make_contact, make_kinds
from tests.factories import EARLY, TESTS, actor_with, make_tenant, make_unit, make_user

ZONE = "Asia/Shanghai"
TODAY = date(2026, 11, 5)
"""A Thursday."""
NOW = datetime(2026, 11, 5, 6, 0, tzinfo=UTC)
PHONE = "13900008123"


@dataclass
class Office:
    """The company: `anna` and `ben` write, `lead` reads for the branch, `boss` for the whole company."""

    tenant_id: UUID
    head: OrgUnit
    branch: OrgUnit
    anna: User
    ben: User
    lead: User
    boss: User
    client: Client
    other: Client
    contact: Contact
    writer: Actor
    second: Actor
    reader: Actor
    chief: Actor


async def make_office(database: Database) -> Office:
    """The company, before anything was done."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_kinds(session)
        head, branch = make_unit(session, name="总部"), make_unit(session, name="城东支局")
        session.add(UnitPath(ancestor_id=head.id, descendant_id=branch.id, valid_from=EARLY, depth=1))
        anna, ben, lead = (make_user(session, name=name, unit_id=branch.id) for name in ("安娜", "本", "雷"))
        boss = make_user(session, name="博", unit_id=head.id)
        await session.flush()
        client = make_client(
            session,
            owner_id=anna.id,
            unit_id=branch.id,
            name="甲公司",
            address="<b>一路</b> 1 号",
            potential_needs="云主机",
        )
        other = make_client(session, owner_id=ben.id, unit_id=branch.id, name="乙公司")
        await session.flush()
        contact = make_contact(session, client.id, name="王经理", main=True, phone=PHONE, phone_tail="8123")
        product = Product(id=new_id(), code="DL", name="专线 100M")
        gone = Product(id=new_id(), code="OLD", name="旧产品")
        session.add(product, gone)
        await session.flush()
        session.add(ClientProduct(id=new_id(), client_id=client.id, product_id=product.id, started_on=EARLY))
        session.add(
            ClientProduct(
                id=new_id(), client_id=client.id, product_id=gone.id, started_on=EARLY, ended_on=date(2026, 1, 1)
            )
        )
    own = (CLIENTS_VIEW, REPORTS_VIEW, REPORTS_EDIT)
    return Office(
        tenant_id,
        head,
        branch,
        anna,
        ben,
        lead,
        boss,
        client,
        other,
        contact,
        actor_with(*own, scope=Scope.OWN, user=anna),
        actor_with(*own, scope=Scope.OWN, user=ben),
        actor_with(*own, REPORTS_COMMENT, scope=Scope.SUBTREE, user=lead),
        actor_with(*own, REPORTS_COMMENT, scope=Scope.SUBTREE, user=boss),
    )


def visit(session: WriteSession, office: Office, day: date, **values: object) -> Visit:
    """A visit of Anna's that was made, unless `status` says otherwise."""
    moments = {} if "status" in values else {"began_at": NOW, "ended_at": NOW + timedelta(hours=1)}
    made = Visit(
        **{
            "id": new_id(),
            "client_id": office.client.id,
            "owner_id": office.anna.id,
            "unit_id": office.branch.id,
            "status": "done",
            "day": day,
            "created_by": office.anna.id,
            **moments,
            **values,
        }
    )
    session.add(made)
    return made


async def work_a_day(session: WriteSession, office: Office) -> Visit:
    """Some of everything on the day, and of everything something that does not belong to it."""
    made = visit(
        session,
        office,
        TODAY,
        contact_ids=[office.contact.id],
        topics="续约",
        competitor_signs="对手报价",
        intention=4,
        next_step="送方案",
    )
    visit(session, office, TODAY - timedelta(days=1))
    visit(session, office, TODAY, status="cancelled")
    visit(session, office, TODAY + timedelta(days=1), status="prepared", aim="拜访决策人")
    plan = VisitPlan(id=new_id(), owner_id=office.anna.id, unit_id=office.branch.id, month=date(2026, 11, 1))
    session.add(plan)
    await session.flush()
    _action(session, office, plan, "done", status="done", done_on=TODAY, title="回访")
    _action(session, office, plan, "earlier", status="done", done_on=TODAY - timedelta(days=2))
    _action(session, office, plan, "open", due_on=TODAY, title="催缴")
    _action(session, office, plan, "ahead", due_on=TODAY + timedelta(days=9), planned_on=TODAY + timedelta(days=1))
    _requests(session, office, made)
    _clocks(session, office)
    await _opportunity(session, office, made)
    return made


def _action(session: WriteSession, office: Office, plan: VisitPlan, source: str, **values: object) -> None:
    session.add(
        PlanAction(
            **{
                "id": new_id(),
                "plan_id": plan.id,
                "client_id": office.client.id,
                "source": source,
                "due_on": TODAY,
                "visits": [TODAY],
                **values,
            }
        )
    )


def _requests(session: WriteSession, office: Office, made: Visit) -> None:
    for title, opened, answered in (("要发票", NOW, None), ("网慢", NOW - timedelta(days=3), NOW)):
        session.add(
            ServiceRequest(
                id=new_id(),
                client_id=office.client.id,
                kind="wish",
                title=title,
                owner_id=office.anna.id,
                unit_id=office.branch.id,
                visit_id=made.id,
                opened_at=opened,
                opened_by=office.anna.id,
                answered_at=answered,
                status="answered" if answered else "open",
            )
        )


def _clocks(session: WriteSession, office: Office) -> None:
    for state, due, ended, breach in (
        ("kept", NOW + timedelta(hours=1), NOW, None),
        ("breached", NOW - timedelta(hours=1), None, {"due_at": "…"}),
        ("breached", NOW - timedelta(days=4), None, {"due_at": "…"}),
        ("running", NOW + timedelta(hours=2), None, None),
    ):
        session.add(
            PromiseClock(
                id=new_id(),
                kind="promise",
                promise="tests.answer",
                trigger="complaint",
                subject="service_request",
                subject_id=new_id(),
                client_id=office.client.id,
                owner_id=office.anna.id,
                unit_id=office.branch.id,
                title_zh="投诉答复",
                title_en="Answer a complaint",
                definition={},
                state=state,
                started_at=NOW - timedelta(days=5),
                due_at=due,
                ended_at=ended,
                breach=breach,
            )
        )


async def _opportunity(session: WriteSession, office: Office, made: Visit) -> None:
    found = Opportunity(
        id=new_id(),
        client_id=office.client.id,
        title="新专线",
        stage="signed",
        outcome="signed",
        amount=5_000_00,
        probability=100,
        owner_id=office.anna.id,
        unit_id=office.branch.id,
        visit_id=made.id,
        created_by=office.anna.id,
    )
    session.add(found)
    await session.flush()
    for before, after, at in (("lead", "signed", NOW), (None, "lead", NOW - timedelta(days=4))):
        session.add(
            OpportunityStep(
                id=new_id(),
                opportunity_id=found.id,
                before=before,
                after=after,
                outcome="open",
                probability=50,
                at=at,
            )
        )
