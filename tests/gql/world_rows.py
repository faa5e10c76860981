"""The rows of the world: clients in every position, and some of everything that hangs on them.

This module is long because it is one list of rows that refer to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

from steward_core.clients import models as m
from steward_core.clients.search_keys import keys_of_name
from steward_core.custom_fields.index import IndexEntry, entries_of_custom, write_index
from steward_core.custom_fields.models import CustomField
from steward_core.imports.models import ImportBatch, ImportEffect, ImportMapping, ImportStatus
from steward_core.notifications.models import Notice
from steward_core.runs.models import Run, RunStatus
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.files.models import StoredFile
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob
from tests.gql import (
    world_approvals,
    world_incentives,
    world_months,
    world_opportunities,
    world_performance,
    world_plans,
    world_promises,
    world_reports,
    world_visits,
)
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added, fill_gradings, fill_records

SINCE = date(2024, 1, 1)
MONTH = (
    world_approvals,
    world_plans,
    world_visits,
    world_promises,
    world_opportunities,
    world_performance,
    world_incentives,
    world_reports,
    world_months,
)
_numbers = count(1)
# name: owner, deputy, unit, parent, status, tier
CLIENTS: Mapping[str, tuple[str | None, str | None, str | None, str | None, str, str | None]] = {
    "c1": ("am1", None, "east1", None, "active", "gold"),
    "c2": ("am1", "am2", "east1", "c1", "active", "A2"),
    "c3": ("am1", None, "east1", "c1", "prospect", None),
    "c4": ("am2", None, "west", None, "active", "A2"),
    "c5": ("am2", "odd", "west", "c4", "dormant", "B2"),
    "c6": ("lead", None, "east", None, "active", "B2"),
    "c7": ("odd", None, "hq", "c1", "active", None),
    "c8": ("odd", "am1", "east", None, "closed", "A2"),
    "c9": (None, None, "east1", None, "active", None),
    "c10": (None, None, "west", "c4", "prospect", "gold"),
    "c11": (None, None, None, None, "active", None),
    "c12": ("am1", None, "east1", None, "merged", None),
    "c13": ("boss", "lead", "hq", None, "active", "gold"),
    "c14": ("am2", None, "west", None, "active", None),
}


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of a tenant."""
    _policies(session, tenant)
    clients = _clients(session, tenant)
    await session.flush()
    clients["c12"].merged_into_id = clients["c1"].id
    for name, (_, _, _, parent, _, _) in CLIENTS.items():
        clients[name].parent_id = clients[parent].id if parent else None
    for client in clients.values():
        _ownerships(session, client)
        for key in keys_of_name(client.name):
            session.add(m.ClientSearchKey(key=key, client_id=client.id, source_id=client.id))
    tenant.rows["contact"] = [row for one in clients.values() for row in _contacts(session, tenant, one)]
    await _holdings(session, tenant, clients)
    _notes(session, tenant, clients)
    await session.flush()
    await _files(session, tenant, clients)
    _facts(session, tenant, clients)
    _hand_overs(session, tenant, clients)
    _duplicates(session, tenant, clients)
    _work(session, tenant)
    _notices(session, tenant, clients)
    _jobs(session, tenant)
    await session.flush()
    for part in MONTH:
        await part.fill(session, tenant)
        await session.flush()
    await _custom_values(session, tenant, clients)
    await fill_records(session, tenant, clients)
    await fill_gradings(session, tenant, clients)
    for client in clients.values():
        mark = tenant.mark("audit_event", None)
        await record(session, "clients.update", Subject("client", client.id), after={"name": mark}, reason=mark)


def _policies(session: WriteSession, tenant: Tenant) -> None:
    session.add(
        m.ClientKind(key="own_kind", title_zh="类型", title_en=f"Kind {tenant.mark('client_kind', 'own_kind')}")
    )
    for rank, key in enumerate(("gold", "A2", "B2"), 11):
        session.add(
            m.ClientTier(key=key, title_zh="等级", title_en=f"Tier {tenant.mark('client_tier', key)}", rank=rank)
        )
    session.add(
        m.Metric(key="own_level", title_zh="余额", title_en="Level", measure="fen", grain="month", additive=False),
        m.Metric(key="own_sum", title_zh="收入", title_en="Revenue", measure="fen", grain="month", additive=True),
    )


def _clients(session: WriteSession, tenant: Tenant) -> dict[str, m.Client]:
    made = {}
    for place, (name, (owner, deputy, unit, _, status, tier)) in enumerate(CLIENTS.items()):
        client_id = new_id()
        mark = tenant.mark("client", client_id)
        full = place % 3 != 2
        made[name] = added(
            session,
            tenant,
            m.Client(
                id=client_id,
                code=f"K{place:03}{tenant.mark('name of client', client_id)}",
                name=f"客户{'甲乙丙'[place % 3]} {tenant.mark('name of client', client_id)}",
                short_name=f"简称{place % 4}" + mark if full else None,
                credit_code=f"9133{place:014}" if place % 4 == 0 else None,
                kind="own_kind",
                tier=tier,
                trade="retail" if place % 2 else None,
                status=status,
                unit_id=tenant.units[unit].id if unit else None,
                owner_id=tenant.people[owner].id if owner else None,
                deputy_id=tenant.people[deputy].id if deputy else None,
                pool_since=None if owner else MOMENT + timedelta(days=place),
                region="华东" if place % 2 else None,
                address=f'路 "{place}" \\ {mark}\n二行' if full else None,
                latitude=Decimal("30.250000") + place if full else None,
                longitude=Decimal("120.125") if full else None,
                phone=tenant.phone() if place != 3 else None,
                potential_needs=f"需求{mark}" if full else None,
                competitor_presence=f"对手{mark}" if place % 2 else None,
                source=f"来源{mark}",
                basic_confirmed_on=date(2026, 1 + place % 5, 3) if full else None,
                personal_confirmed_on=date(2026, 2, 3) if place % 2 else None,
                last_activity_on=date(2026, 1, 1 + place % 4),
                custom={},
                created_by=tenant.people["admin"].id,
                created_at=MOMENT + timedelta(hours=place // 2),
                updated_at=MOMENT + timedelta(days=place),
            ),
        )
    return made


def _ownerships(session: WriteSession, client: m.Client) -> None:
    session.add(
        m.ClientOwnership(
            client_id=client.id,
            valid_from=SINCE,
            owner_id=client.owner_id,
            unit_id=client.unit_id,
            valid_until=date(9999, 12, 31),
        ),
        m.ClientChange(
            id=new_id(),
            client_id=client.id,
            field="status",
            before="prospect",
            after=client.status,
            reason=f"{client.source}",
            changed_by=client.created_by,
        ),
    )


def _contacts(session: WriteSession, tenant: Tenant, client: m.Client) -> Iterator[m.Contact]:
    for place in range(2 if client.tier else 1):
        contact_id = new_id()
        mark = tenant.mark("contact", contact_id)
        phone = tenant.phone() if place == 0 else None
        contact = m.Contact(
            id=contact_id,
            client_id=client.id,
            name=f"联系人 {mark}",
            roles=["contact", "decision_maker"] if place else [],
            main=place == 0,
            position=None if place else f"主任{mark}",
            department=f"科{mark}",
            phone=phone,
            phone_tail=phone[-4:] if phone else None,
            email=tenant.email() if place == 0 else None,
            birthday=date(1980, 2, 29) if place else None,
            preferences=f"茶{mark}",
            left_on=date(2026, 4, 1) if place else None,
            custom={},
            created_by=client.created_by,
        )
        session.add(contact)
        yield contact


async def _holdings(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    products = []
    for place in range(3):
        product_id = new_id()
        mark = tenant.mark("product", product_id)
        products.append(
            m.Product(id=product_id, code=f"P{place}{mark}", name=f"产品{mark}", category="专线" if place else None)
        )
    session.add(*products)
    await session.flush()
    tenant.rows["product"] = list(products)
    for place, client in enumerate(clients.values()):
        contract_id, use_id, owed_id = new_id(), new_id(), new_id()
        mark = tenant.mark("contract", contract_id)
        if place % 4 != 3:
            added(
                session,
                tenant,
                m.Contract(
                    id=contract_id,
                    client_id=client.id,
                    number=f"HT{place}{mark}",
                    title=f"合同{mark}",
                    status=("draft", "active", "ended", "terminated")[place % 4],
                    signed_on=date(2025, 5, 5) if place % 2 else None,
                    start_on=date(2025, 6, 1),
                    end_on=None if place % 3 == 0 else date(2026, 6, 1) + timedelta(days=place),
                    amount=None if place == 2 else 9_000_000_000_000_000 + place if place == 4 else place * 1001,
                    note=f"注{mark}",
                    created_by=client.created_by,
                ),
            )
        added(
            session,
            tenant,
            m.ClientProduct(
                id=use_id,
                client_id=client.id,
                product_id=products[place % 3].id,
                quantity=Decimal("2.500") if place % 2 else None,
                monthly_amount=place * 100,
                started_on=date(2025, 1, 1),
                ended_on=date(2026, 1, 1) if place % 5 == 4 else None,
                note=f"用{tenant.mark('client_product', use_id)}",
            ),
        )
        if place % 3 == 0:
            added(
                session,
                tenant,
                m.Arrears(
                    id=owed_id,
                    client_id=client.id,
                    period="2026-01",
                    amount=1000 + place,
                    paid=500 if place % 2 else 1000 + place,
                    due_on=date(2026, 2, 1 + place),
                    settled_on=None if place % 2 else date(2026, 3, 1),
                    note=f"欠{tenant.mark('arrears', owed_id)}",
                ),
            )


def _notes(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    for place, client in enumerate(clients.values()):
        note_id = new_id()
        removed = place == 1
        added(
            session,
            tenant,
            m.ClientNote(
                id=note_id,
                client_id=client.id,
                author_id=client.owner_id or tenant.people["boss"].id,
                body="" if removed else f"备注{tenant.mark('client_note', note_id)}",
                pinned=place % 2 == 0,
                created_at=MOMENT,
                removed_at=MOMENT if removed else None,
            ),
        )


async def _files(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    files = []
    for client in list(clients.values())[:6]:
        file_id, attachment_id = new_id(), new_id()
        mark = tenant.mark("attachment", attachment_id)
        files.append((file_id, attachment_id, client, mark))
        session.add(
            StoredFile(
                id=file_id,
                purpose="upload",
                name=f"文件{mark}.txt",
                media_type="text/plain",
                size=3,
                sha256=b"1" * 32,
                owner_id=tenant.people["boss"].id,
            )
        )
    await session.flush()
    for file_id, attachment_id, client, mark in files:
        added(
            session,
            tenant,
            m.Attachment(
                id=attachment_id,
                client_id=client.id,
                subject_kind="client",
                subject_id=client.id,
                file_id=file_id,
                title=f"附件{mark}",
                created_by=client.created_by,
            ),
        )
    batch_id = new_id()
    mark = tenant.mark("import_batch", batch_id)
    added(
        session,
        tenant,
        ImportBatch(
            id=batch_id,
            target="client",
            status=ImportStatus.APPLIED,
            file_id=files[0][0],
            file_name=f"导入{mark}.xlsx",
            columns={"客户名称": "name"},
            counts={"created": 2},
            created_by=tenant.people["boss"].id,
            finished_at=MOMENT,
        ),
    )
    await session.flush()
    session.add(
        ImportEffect(batch_id=batch_id, row_number=2, outcome="created", row_id=clients["c1"].id, after_version=1),
        ImportEffect(
            batch_id=batch_id,
            row_number=3,
            outcome="refused",
            problems=[{"field": "name", "code": "required", "zh": f"必填{mark}", "en": f"Required {mark}"}],
            values={"name": mark},
        ),
        ImportMapping(
            id=new_id(), target="client", name=f"映射{mark}", columns={}, created_by=tenant.people["boss"].id
        ),
    )


def _facts(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    for place, client in enumerate(clients.values()):
        for month in (1, 2):
            for revision in (1, 2) if place == 0 else (1,):
                session.add(
                    m.ClientFact(
                        metric="own_sum" if place % 2 else "own_level",
                        period=date(2026, month, 1),
                        client_id=client.id,
                        source="boss",
                        revision=revision,
                        grain="month",
                        value=Decimal(place * 100 + month + revision) / 8,
                        booked_on=date(2026, month, 28),
                        withdrawn=place == 4,
                        reason=f"因{client.source}",
                        recorded_by=client.created_by,
                    )
                )


def _hand_overs(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    for place, name in enumerate(("c1", "c4")):
        hand_over_id = new_id()
        added(
            session,
            tenant,
            m.HandOver(
                id=hand_over_id,
                status="applied" if place else "scheduled",
                effective_on=date(2099, 1, 1),
                reason=f"移交{tenant.mark('hand_over', hand_over_id)}",
                clients=1,
                requested_by=tenant.people["boss"].id,
            ),
        )
        session.add(
            m.HandOverItem(
                hand_over_id=hand_over_id,
                client_id=clients[name].id,
                from_owner_id=clients[name].owner_id,
                from_unit_id=clients[name].unit_id,
                to_owner_id=tenant.people["lead"].id,
                to_unit_id=tenant.units["east"].id,
            )
        )


def _duplicates(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    for one, other, status in (("c1", "c2", "open"), ("c4", "c6", "dismissed"), ("c1", "c12", "merged")):
        first, second = sorted((clients[one].id, clients[other].id))
        added(
            session,
            tenant,
            m.DuplicatePair(id=new_id(), first_id=first, second_id=second, reasons=["near_equal_name"], status=status),
        )
    session.add(
        m.ClientMerge(
            id=new_id(),
            survivor_id=clients["c1"].id,
            absorbed_id=clients["c12"].id,
            reason=f"重复{clients['c12'].source}",
            absorbed={},
            taken={},
            moved={},
            merged_on=SINCE,
            merged_by=tenant.people["boss"].id,
        )
    )


def _work(session: WriteSession, tenant: Tenant) -> None:
    for place, (status, who) in enumerate(
        ((RunStatus.DONE, "boss"), (RunStatus.FAILED, "am1"), (RunStatus.WAITING, "lead"))
    ):
        run_id = new_id()
        mark = tenant.mark("run", run_id)
        failed = status is RunStatus.FAILED
        added(
            session,
            tenant,
            Run(
                id=run_id,
                kind="clients.search_rebuild",
                period=str(place),
                subject=mark,
                status=status,
                counts={"rows": place},
                error={"code": "internal_error", "zh": mark, "en": mark} if failed else None,
                done=place,
                total=3,
                requested_by=tenant.people[who].id,
                requested_at=MOMENT,
            ),
        )


def _jobs(session: WriteSession, tenant: Tenant) -> None:
    for place, status in enumerate(JobStatus):
        job_id = new_id()
        mark = tenant.mark("outbox_job", job_id)
        dead = status is JobStatus.DEAD
        added(
            session,
            tenant,
            OutboxJob(
                id=job_id,
                queue=(Queue.URGENT, Queue.NORMAL, Queue.BULK)[place % 3],
                kind="runs.advance",
                payload={"run_id": mark},
                due=MOMENT + timedelta(minutes=place),
                status=status,
                attempts=place,
                error={"code": "internal_error", "class": "fault", "message": {"zh-CN": mark, "en": mark}}
                if dead
                else None,
                unique_key=mark if place else None,
                created_at=MOMENT,
                tried_at=MOMENT if place else None,
                done_at=MOMENT if status in (JobStatus.DONE, JobStatus.DISCARDED) else None,
            ),
        )


def _notices(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    for place, who in enumerate(("boss", "am1", "am1", "lead")):
        notice_id = new_id()
        mark = tenant.mark("notice", notice_id)
        added(
            session,
            tenant,
            Notice(
                id=notice_id,
                user_id=tenant.people[who].id,
                kind="world.told",
                title_zh=f"通知{mark}",
                title_en=f"Told {mark}",
                body_zh=f"内容{mark}" if place % 2 else None,
                body_en=mark if place % 2 else None,
                subject_kind="client" if place else None,
                subject_id=clients["c1"].id if place else None,
                key=mark,
                created_at=MOMENT + timedelta(minutes=place),
                read_at=MOMENT if place == 1 else None,
            ),
        )


async def _custom_values(session: WriteSession, tenant: Tenant, clients: Mapping[str, m.Client]) -> None:
    fields = []
    for place, (target, key, kind) in enumerate(
        (
            ("client", "hobby", "text"),
            ("client", "staff", "integer"),
            ("client", "choice", "choice"),
            ("contact", "nick", "text"),
        )
    ):
        field_id = new_id()
        rules = {"options": [{"key": "x", "zh": "甲", "en": "X"}, {"key": "y", "zh": "乙", "en": "Y"}]}
        fields.append(
            CustomField(
                id=field_id,
                target=target,
                key=key,
                type=kind,
                title_zh="自定义",
                title_en=f"Own {tenant.mark('custom_field', field_id)}",
                rules=rules if kind == "choice" else {},
                filterable=True,
                place=place,
                indexed_at=MOMENT,
            )
        )
        added(session, tenant, fields[-1])
    found: list[IndexEntry] = []
    for place, client in enumerate(clients.values()):
        client.custom = {"hobby": f"茶{client.source}", "staff": place, "choice": "xy"[place % 2]} if place % 3 else {}
        found += entries_of_custom(
            [one for one in fields if one.target == "client"], "client", client.id, client.custom
        )
    for contact in tenant.rows["contact"][::2]:
        contact.custom = {"nick": f"昵{contact.preferences}"}
        found += entries_of_custom(fields[3:], "contact", contact.id, contact.custom)
    await session.flush()
    await write_index(session, found, [])
