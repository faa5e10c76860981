"""What puts a telecom client into the next plan.

Ending contracts, arrears, stale profiles and the birthdays of contacts are the core's own triggers; what stands here
reads the plugin's forms, products in use and figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from steward_core.clients.fact_queries import current_facts, falls_against_mean
from steward_core.clients.fact_rules import first_day, period_name, shifted
from steward_core.clients.freshness import day_of_creation
from steward_core.clients.models import Client, ClientProduct, ClientStatus, Contact, Product
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import Trigger
from steward_telecom.choices import RenewalState
from steward_telecom.keys import BILL, CARE, COMMUNICATION, COMPETITOR, MEMBERS, MINUTES, ORDER, TRAFFIC, VPN_GROUP
from steward_tenants.texts import Bilingual

OPEN_RENEWALS = (RenewalState.NOT_DISCUSSED.value, RenewalState.IN_TALKS.value)
KEY_ROLES = ("key_person", "decision_maker")


def figures(**values: Any) -> ColumnElement[Any]:
    """What was found, as a JSON object."""
    parts = [part for name, value in values.items() for part in (literal(name, Text()), value)]
    return func.jsonb_build_object(*parts, type_=JSONB)


def _day(day: date) -> ColumnElement[date]:
    return literal(day, Date())


def _columns(client_id: Any, subject_id: Any, due_on: Any, found: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    subject = sql_cast(null(), Uuid()) if subject_id is None else subject_id
    return (
        client_id.label("client_id"),
        subject.label("subject_id"),
        sql_cast(due_on, Date()).label("due_on"),
        found.label("figures"),
    )


def _rows_in(document: ColumnElement[Any], name: str) -> Any:
    """The rows of a list in a document, one each, as `name.c.value` (jsonb); what is no list has none."""
    listed = case((func.jsonb_typeof(document) == "array", document), else_=sql_cast(literal("[]", Text()), JSONB))
    return func.jsonb_array_elements(listed, type_=JSONB).table_valued(column("value", JSONB), name=name)


def _pairs(pairs: Iterable[tuple[int, date]] | Iterable[tuple[str, date]], kind: Any, name: str) -> Any:
    """Keys and days as a table `name` with the columns `key` and `day`."""
    listed = list(pairs)
    return (
        func.unnest(
            sql_cast(bindparam(None, [one[0] for one in listed], type_=ARRAY(kind)), ARRAY(kind)),
            sql_cast(bindparam(None, [one[1] for one in listed], type_=ARRAY(Date())), ARRAY(Date())),
        )
        .table_valued(column("key", kind), column("day", Date()))
        .render_derived(name=name)
    )


def _json_day(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((func.pg_input_is_valid(text, literal("date", Text())), sql_cast(text, Date())))


def vpn_agreement_ending(ctx: QueryContext) -> Select[Any]:
    """VPN groups whose agreement ends within the warning days and is neither renewed nor given up. Due on the day on
    which the nearest warning was reached; `figures.level` names it.

    Where the agreement before is filled in, “renewed” tells of that one, and the new agreement's end is warned of.
    """
    group = record_fields(
        ctx, VPN_GROUP, "group_number", "group_name", "agreement_end", "previous_agreement_end", "renewal_state"
    )
    renewed_before = and_(
        group.c.renewal_state == RenewalState.RENEWED.value, group.c.previous_agreement_end.is_not(None)
    )
    levels = sorted(ctx.settings.agreement_warning_days)
    end = group.c.agreement_end
    level = case(*((end <= _day(ctx.today + timedelta(days=days)), literal(days, Integer())) for days in levels))
    found = figures(
        group_number=group.c.group_number,
        group_name=group.c.group_name,
        end_on=end,
        days_left=end - _day(ctx.today),
        level=level,
    )
    return select(*_columns(group.c.client_id, group.c.record_id, end - level, found)).where(
        end >= _day(ctx.today),
        end <= _day(ctx.today + timedelta(days=levels[-1])),
        or_(func.coalesce(group.c.renewal_state, OPEN_RENEWALS[0]).in_(OPEN_RENEWALS), renewed_before),
    )


def package_ending(ctx: QueryContext) -> Select[Any]:
    """Products in use, and main packages of VPN groups, that end within the warning days. Due when that began."""
    days = ctx.settings.package_warning_days
    group = record_fields(ctx, VPN_GROUP, "main_package", "main_package_ends_on")
    used = (
        select(
            ClientProduct.client_id,
            ClientProduct.id.label("subject_id"),
            Product.name.label("package"),
            ClientProduct.ended_on.label("ends_on"),
        )
        .join(Product, and_(ctx.within(Product), Product.id == ClientProduct.product_id))
        .where(ctx.within(ClientProduct))
    )
    groups = select(group.c.client_id, group.c.record_id, group.c.main_package, group.c.main_package_ends_on)
    ending = union_all(used, groups).subquery("ending")
    end = ending.c.ends_on
    found = figures(package=ending.c.package, end_on=end, days_left=end - _day(ctx.today))
    return select(*_columns(ending.c.client_id, ending.c.subject_id, end - literal(days, Integer()), found)).where(
        end >= _day(ctx.today), end <= _day(ctx.today + timedelta(days=days))
    )


def bill_fell(ctx: QueryContext) -> Select[Any]:
    """The last complete month's bill lies below the mean of the months before by the settings' percentage."""
    return falls_against_mean(ctx, BILL, ctx.settings.bill_fall_percent, ctx.settings.mean_months)


def minutes_fell(ctx: QueryContext) -> Select[Any]:
    """The last complete month's minutes lie below the mean of the months before by the settings' percentage."""
    return falls_against_mean(ctx, MINUTES, ctx.settings.use_fall_percent, ctx.settings.mean_months)


def traffic_fell(ctx: QueryContext) -> Select[Any]:
    """The last complete month's traffic lies below the mean of the months before by the settings' percentage."""
    return falls_against_mean(ctx, TRAFFIC, ctx.settings.use_fall_percent, ctx.settings.mean_months)


def members_left(ctx: QueryContext) -> Select[Any]:
    """Many VPN members at once 流失预警: between the last two complete months as many left as the settings say, by
    number, or by percentage where at least the fewest that count have left."""
    after = first_day("month", ctx.today)
    last, before = shifted("month", after, -1), shifted("month", after, -2)
    facts = current_facts(ctx, MEMBERS, since=before, until=after)
    months = (
        select(
            facts.c.client_id,
            func.max(facts.c.value).filter(facts.c.period == last).label("now"),
            func.max(facts.c.value).filter(facts.c.period == before).label("before"),
        )
        .group_by(facts.c.client_id)
        .subquery("months")
    )
    left = months.c.before - months.c.now
    found = figures(
        period=literal(period_name("month", last), Text()),
        before=func.trim_scale(months.c.before),
        now=func.trim_scale(months.c.now),
        left=func.trim_scale(left),
        percent=func.trim_scale(func.round(left * 100 / func.nullif(months.c.before, 0), 2)),
    )
    by_percent = and_(
        left >= ctx.settings.members_left_least, left * 100 >= months.c.before * ctx.settings.members_left_percent
    )
    return select(*_columns(months.c.client_id, None, _day(ctx.today), found)).where(
        or_(left >= ctx.settings.members_left_count, by_percent)
    )


def competitor_contract_ending(ctx: QueryContext) -> Select[Any]:
    """A competitor's contract with the client ends within the warning days: one row for each. Due when the warning
    began."""
    days = ctx.settings.competitor_warning_days
    profile = record_fields(ctx, COMMUNICATION, "competitor_services")
    service = _rows_in(profile.c.competitor_services, "service")
    value: Any = service.c.value
    end = _json_day(value["ends_on"].astext)
    found = figures(
        operator=value["operator"].astext,
        service=value["service"].astext,
        monthly_fee=value["monthly_fee"],
        end_on=end,
        days_left=end - _day(ctx.today),
    )
    return (
        select(*_columns(profile.c.client_id, profile.c.record_id, end - literal(days, Integer()), found))
        .select_from(profile)
        .join(service, literal(True))
        .where(end >= _day(ctx.today), end <= _day(ctx.today + timedelta(days=days)))
    )


def satisfaction_low(ctx: QueryContext) -> Select[Any]:
    """A key person's satisfaction is at most what the settings say. About the contact."""
    care = record_fields(ctx, CARE, "satisfaction", "last_care_on")
    found = figures(satisfaction=care.c.satisfaction, last_care_on=care.c.last_care_on)
    return select(*_columns(care.c.client_id, care.c.subject_id, _day(ctx.today), found)).where(
        care.c.satisfaction <= ctx.settings.satisfaction_at_most
    )


def month_days(days: Iterable[date]) -> Mapping[int, date]:
    """The days by month and day (`1105`); 29 February counts as the 28th in years that have none."""
    found: dict[int, date] = {}
    for day in days:
        found[day.month * 100 + day.day] = day
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
            found[229] = day
    return found


def care_birthday(ctx: QueryContext) -> Select[Any]:
    """Birthdays that only the key-person care knows, on one of the next days: those in the contacts' own records are
    told by the core. About the contact; due on the day."""
    care = record_fields(ctx, CARE, "birthday")
    ahead = [ctx.today + timedelta(days=days) for days in range(ctx.settings.birthday_days + 1)]
    near = _pairs(month_days(ahead).items(), Integer(), "near")
    born = func.extract("month", care.c.birthday) * 100 + func.extract("day", care.c.birthday)
    return (
        select(*_columns(care.c.client_id, care.c.subject_id, near.c.day, figures(contact=Contact.name)))
        .select_from(care)
        .join(near, near.c.key == sql_cast(born, Integer()))
        .join(Contact, and_(ctx.within(Contact), Contact.id == care.c.subject_id))
        .where(
            Contact.left_on.is_(None),
            or_(Contact.birthday.is_(None), ~Contact.roles.overlap(sql_cast(list(KEY_ROLES), ARRAY(Text())))),
        )
    )


def festival_greeting(ctx: QueryContext) -> Select[Any]:
    """Key persons who were not greeted yet on a festival that comes within the settings' days. About the contact; due
    on the festival. A greeting counts from 60 days before it."""
    until = ctx.today + timedelta(days=ctx.settings.festival_days)
    coming = [(one.festival.value, one.day) for one in ctx.settings.festivals if ctx.today <= one.day <= until]
    festival = _pairs(coming, Text(), "festival")
    care = record_fields(ctx, CARE, "greetings")
    greeting = _rows_in(care.c.greetings, "greeting")
    value: Any = greeting.c.value
    sent = _json_day(value["sent_on"].astext)
    greeted = (
        select(literal(1))
        .select_from(care)
        .join(greeting, literal(True))
        .where(
            care.c.subject_id == Contact.id,
            value["festival"].astext == festival.c.key,
            sent > festival.c.day - literal(60, Integer()),
        )
        .correlate(Contact, festival)
        .exists()
    )
    found = figures(contact=Contact.name, festival=festival.c.key)
    return (
        select(*_columns(Contact.client_id, Contact.id, festival.c.day, found))
        .select_from(Contact)
        .join(festival, literal(True))
        .where(
            ctx.within(Contact),
            Contact.left_on.is_(None),
            Contact.roles.overlap(sql_cast(list(KEY_ROLES), ARRAY(Text()))),
            ~greeted,
        )
    )


def new_client(ctx: QueryContext) -> Select[Any]:
    """Prospects entered within the settings' days at whom nothing has happened since. Due by the settings' visit."""
    entered = day_of_creation()
    found = figures(entered_on=entered, source=Client.source, region=Client.region)
    due = entered + literal(ctx.settings.new_client_visit_days, Integer())
    return select(*_columns(Client.id, None, due, found)).where(
        ctx.within(Client),
        Client.status == ClientStatus.PROSPECT,
        Client.owner_id.is_not(None),
        entered > _day(ctx.today - timedelta(days=ctx.settings.new_client_days)),
        or_(Client.last_activity_on.is_(None), Client.last_activity_on == entered),
    )


def first_visit_due(ctx: QueryContext) -> Select[Any]:
    """Installations that are done and were followed by nothing yet: the first visit is due a week after [000#5]."""
    order = record_fields(ctx, ORDER, "contract_number", "done_on")
    due = order.c.done_on + literal(ctx.settings.first_visit_days, Integer())
    found = figures(contract_number=order.c.contract_number, done_on=order.c.done_on)
    return (
        select(*_columns(order.c.client_id, order.c.record_id, due, found))
        .join(Client, and_(ctx.within(Client), Client.id == order.c.client_id))
        .where(
            order.c.done_on <= _day(ctx.today),
            or_(Client.last_activity_on.is_(None), Client.last_activity_on <= order.c.done_on),
        )
    )


def installation_overdue(ctx: QueryContext) -> Select[Any]:
    """Orders that should be installed by now and are not. Due on the last day of the limit, which is longer where
    there are no line resources; while that is not known, the shorter one holds."""
    order = record_fields(ctx, ORDER, "contract_number", "signed_on", "done_on", "resource_available")
    limit = case(
        (order.c.resource_available.is_(False), ctx.settings.installation_days_without_resource),
        else_=ctx.settings.installation_days,
    )
    due = order.c.signed_on + sql_cast(limit, Integer())
    found = figures(
        contract_number=order.c.contract_number,
        signed_on=order.c.signed_on,
        limit=limit,
        days_over=_day(ctx.today) - due,
    )
    return select(*_columns(order.c.client_id, order.c.record_id, due, found)).where(
        order.c.done_on.is_(None), due < _day(ctx.today)
    )


def documents_missing(ctx: QueryContext) -> Select[Any]:
    """Orders that are not installed and lack papers. Due at once."""
    order = record_fields(ctx, ORDER, "contract_number", "done_on", "documents_complete", "documents_missing")
    found = figures(contract_number=order.c.contract_number, missing=order.c.documents_missing)
    return select(*_columns(order.c.client_id, order.c.record_id, _day(ctx.today), found)).where(
        order.c.done_on.is_(None), order.c.documents_complete.is_(False)
    )


def urgent_report_untold(ctx: QueryContext) -> Select[Any]:
    """Urgent competitor reports of which no department was told yet [003]. Due on the next weekday."""
    report = record_fields(ctx, COMPETITOR, "competitor", "urgent", "reported_on", "department_told")
    weekday = func.extract("isodow", report.c.reported_on)
    due = report.c.reported_on + case((weekday == 5, 3), (weekday == 6, 2), else_=1)
    found = figures(competitor=report.c.competitor, reported_on=report.c.reported_on)
    return select(*_columns(report.c.client_id, report.c.record_id, due, found)).where(
        report.c.urgent.is_(True), report.c.department_told.is_(None)
    )


TRIGGERS = (
    Trigger("vpn_agreement_ending", Bilingual("网群协议即将到期", "VPN agreement ends soon"), vpn_agreement_ending),
    Trigger("package_ending", Bilingual("套餐即将到期", "Package ends soon"), package_ending),
    Trigger("bill_fell", Bilingual("账单下降", "Bill fell"), bill_fell),
    Trigger("minutes_fell", Bilingual("通话量下降", "Call minutes fell"), minutes_fell),
    Trigger("traffic_fell", Bilingual("流量下降", "Data traffic fell"), traffic_fell),
    Trigger("members_left", Bilingual("成员集中离网", "Many members left at once"), members_left),
    Trigger(
        "competitor_contract_ending",
        Bilingual("竞争对手合同即将到期", "A competitor's contract ends soon"),
        competitor_contract_ending,
    ),
    Trigger("satisfaction_low", Bilingual("关键人满意度低", "A key person is not satisfied"), satisfaction_low),
    Trigger("care_birthday", Bilingual("关怀对象生日", "Birthday known from the care"), care_birthday),
    Trigger("festival_greeting", Bilingual("节日问候", "Festival greeting"), festival_greeting),
    Trigger("new_client", Bilingual("新发现客户", "New client found"), new_client),
    Trigger("first_visit_due", Bilingual("装机后首访", "First visit after installation"), first_visit_due),
    Trigger("installation_overdue", Bilingual("装机超期", "Installation overdue"), installation_overdue),
    Trigger("documents_missing", Bilingual("受理资料不全", "Papers of an order missing"), documents_missing),
    Trigger(
        "urgent_report_untold",
        Bilingual("紧急竞争信息未通报", "Urgent competitor report not passed on"),
        urgent_report_untold,
    ),
)
