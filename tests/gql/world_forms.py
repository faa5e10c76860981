"""The world's form records: a few of every form, in each of its states, and what a grading made of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from steward_core.clients import models as m
from steward_core.custom_fields.index import IndexEntry, write_index
from steward_core.forms.declared import FormField, ValueType, fields_of
from steward_core.forms.form import Form, SubjectKind
from steward_core.forms.indexing import entries
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.states import is_draft, state_of
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus
from steward_core.industry.registry import industries
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant

MOMENT = datetime(2026, 3, 1, 8, 30, 15, 120000, tzinfo=UTC)


def added(session: WriteSession, tenant: Tenant, row: Any) -> Any:
    """Stage a row and keep it among the tenant's."""
    session.add(row)
    tenant.rows.setdefault(row.__tablename__, []).append(row)
    return row


async def fill_records(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    """A few records of every form, in each of its states, about clients with different owners."""
    found: list[IndexEntry] = []
    places = count()
    for plugin in sorted(tenant.plugins):
        for form in industries()[plugin].industry.forms:
            key = f"{plugin}.{form.about.key}"
            for number, name in enumerate(("c1", "c4", "c8", "c9")):
                made = _record(session, tenant, form, key, clients[name], next(places), number)
                if not is_draft(state_of(form, made.state)):
                    found += entries(form, key, made.id, made.document, made.computed)
    await session.flush()
    await write_index(session, found, [])


def _record(
    session: WriteSession, tenant: Tenant, form: type[Form], key: str, client: m.Client, place: int, number: int
) -> FormRecord:
    about, record_id = form.about, new_id()
    mark = tenant.mark("form_record", record_id)
    contact = next(one for one in tenant.rows["contact"] if one.client_id == client.id)
    owner = tenant.people[("am1", "am2", "odd", "lead")[number]]
    unit = tenant.units[("east1", "west", "east", "hq")[number]]
    subject = {
        SubjectKind.CLIENT: client.id,
        SubjectKind.CONTACT: contact.id,
        SubjectKind.USER: owner.id,
        SubjectKind.UNIT: unit.id,
    }[about.subject]
    on_client = about.subject in (SubjectKind.CLIENT, SubjectKind.CONTACT)
    fields = fields_of(form)
    state = about.flow.states[number % len(about.flow.states)].key
    bare = state == about.flow.states[0].key and len(about.flow.states) > 1
    given = [one for one in fields if not one.computed and not (bare and place % 2)]
    made: FormRecord = added(
        session,
        tenant,
        FormRecord(
            id=record_id,
            plugin=key.partition(".")[0],
            form=key,
            form_version=about.version,
            subject_kind=about.subject.value,
            subject_id=subject,
            client_id=client.id if on_client else None,
            owner_id=owner.id if about.subject is SubjectKind.USER else None,
            unit_id=unit.id if about.subject is SubjectKind.UNIT else None,
            slot=None,
            period="2026-01" if about.several.value == "period" else None,
            state=state,
            title=f"记录{mark}",
            document={
                one.name: _sensitive(tenant, one) or _value(one, place + spot, mark) for spot, one in enumerate(given)
            },
            computed={one.name: _value(one, place, mark) for one in fields if one.computed} if not bare else {},
            custom={},
            created_by=owner.id,
            updated_by=owner.id,
            created_at=MOMENT + timedelta(minutes=place // 3),
        ),
    )
    if number == 0:
        session.add(
            FormRevision(
                record_id=record_id,
                revision=1,
                form_version=about.version,
                state=state,
                document={},
                computed={},
                custom={},
                cause="edit",
                replaced_by=owner.id,
            )
        )
    return made


def _sensitive(tenant: Tenant, one: FormField) -> str | None:
    """A recognisable value of a field that is shown masked."""
    kind = one.text.masked if one.text else None
    if kind is None:
        return None
    key = str(getattr(kind, "key", kind))
    return tenant.email() if key == "email" else tenant.identity() if "identity" in key else tenant.phone()


def _value(one: FormField, place: int, mark: str) -> Any:
    """A value of the field's type as documents hold it; now and then nothing."""
    if one.nullable and place % 4 == 1:
        return None
    simple: dict[ValueType, Any] = {
        ValueType.TEXT: f"文{place % 3}{mark}",
        ValueType.BODY: f"长文\n“{mark}”",
        ValueType.INTEGER: place % 5,
        ValueType.MONEY: place * 1_000_003,
        ValueType.DECIMAL: f"{place % 7}.25",
        ValueType.PERCENT: f"{place % 100}.5",
        ValueType.DATE: (date(2026, 1, 1) + timedelta(days=place % 11)).isoformat(),
        ValueType.DATETIME: f"2026-02-0{place % 9 + 1}T03:04:05Z",
        ValueType.BOOLEAN: place % 2 == 0,
        ValueType.IDENTIFIER: str(UUID(int=place)),
    }
    if one.type in simple:
        return simple[one.type]
    if one.type is ValueType.CHOICE:
        return one.choices[place % len(one.choices)].value
    if one.type is ValueType.CHOICES:
        return [choice.value for choice in one.choices[: place % 3]]
    if one.type is ValueType.LIST and one.items is not None:
        return [_value(one.items, place + number, mark) for number in range(place % 3)]
    if one.type is ValueType.GROUP:
        return {inner.name: _value(inner, place, mark) for inner in one.fields}
    if one.type is ValueType.ROWS:
        return [
            {inner.name: _value(inner, place + number, mark) for inner in one.fields} for number in range(place % 3)
        ]
    return None


async def fill_gradings(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    plugin = sorted(tenant.plugins)[-1]
    schemes = industries()[plugin].industry.gradings
    if not schemes:
        return
    grading_id = new_id()
    mark = tenant.mark("grading", grading_id)
    added(
        session,
        tenant,
        Grading(
            id=grading_id,
            scheme=f"{plugin}.{schemes[0].key}",
            unit_id=tenant.units["east1"].id,
            period="2026-01",
            period_start=date(2026, 1, 1),
            period_end=date(2026, 2, 1),
            status=GradingStatus.BOUND,
            rule_version=1,
            policy={},
            counts={"graded": 2},
            requested_by=tenant.people["boss"].id,
            bound_by=tenant.people["lead"].id,
            bound_at=MOMENT,
            reason=f"评级{mark}",
        ),
    )
    await session.flush()
    graded = [one for one in tenant.rows["form_record"] if one.form.endswith("grading")]
    for one in graded:
        one.batch_id = grading_id
        objection_id = new_id()
        added(
            session,
            tenant,
            GradingObjection(
                id=objection_id,
                grading_id=grading_id,
                client_id=one.client_id or clients["c1"].id,
                record_id=one.id,
                reason=f"异议{tenant.mark('grading_objection', objection_id)}",
                raised_by=tenant.people["am1"].id,
            ),
        )
