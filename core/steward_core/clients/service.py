"""Commands on clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.checks import (
    check_custom_values,
    check_deputy,
    check_kind,
    check_owner,
    check_plugins,
    check_tier,
    check_unit,
    flat,
    identifier,
    refuse,
    write_custom_index,
)
from steward_core.clients.errors import (
    ClientChanged,
    ClientCodeTaken,
    ClientIsMerged,
    ClientNotFound,
    OutsideReach,
    PossibleDuplicates,
    StatusMoveRefused,
)
from steward_core.clients.likeness import find_duplicates
from steward_core.clients.models import Client, ClientChange, ClientOwnership, ClientStatus
from steward_core.clients.policies import policies_in_force
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import (
    CLIENT_FIELDS,
    FIRST_STATUSES,
    NEXT_STATUSES,
    PERSONAL,
    PLACE_HALVED,
    STATUS_TITLES,
    clean_client,
    reason_problem,
    status_move_allowed,
)
from steward_core.clients.search import keys_for_client, write_keys
from steward_core.clients.tree import check_parent, tree_turn
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_EDIT, CLIENTS_TIER, CLIENTS_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, StewardError
from steward_tenants.people.rules import line_of_text
from steward_tenants.texts import Bilingual

Fields = Mapping[str, Any]
PLACED = ("tier", "status", "parent_id", "unit_id", "owner_id", "deputy_id", "custom")
"""What a new client may be given beside its plain fields; later each has its own command."""


async def client_in_reach(
    session: TenantSession, client_id: UUID, permission: Permission, *, today: date, lock: bool = False
) -> Client:
    """The client, if the actor's scope for `permission` reaches it; `lock` takes it FOR UPDATE. Merged ones too.

    Raises Forbidden, ClientNotFound.
    """
    require(session.actor, permission)
    reach = CLIENT.within_reach(session, permission, today)
    client = await session.find(Client, Client.id == client_id, reach, lock=lock)
    if client is None:
        raise ClientNotFound
    return client


async def client_to_change(
    session: WriteSession,
    client_id: UUID,
    permission: Permission,
    *,
    today: date,
    expected_version: int | None = None,
) -> Client:
    """The client, locked, for a command that changes it. `expected_version` is the version that the caller read.

    Raises Forbidden, ClientNotFound, ClientIsMerged, ClientChanged.
    """
    client = await client_in_reach(session, client_id, permission, today=today, lock=True)
    if client.status == ClientStatus.MERGED:
        raise ClientIsMerged(name=client.name)
    if expected_version is not None and client.version != expected_version:
        raise ClientChanged(name=client.name)
    return client


@command("clients.client.create", "新建客户", "Create a client", permission=CLIENTS_EDIT)
async def create_client(
    session: WriteSession, *, fields: Fields, today: date, accept_duplicates: bool = False
) -> Client:
    """A new client. `fields`: those of `rules.CLIENT_FIELDS` and of `PLACED`; `custom` holds the tenant's own.

    Without `owner_id` it is the actor's own, or with `clients.assign` in the public pool; naming somebody else or the
    pool (None) needs `clients.assign`. The unit defaults to the owner's. The basic profile counts as confirmed today.
    Raises InvalidInput naming every bad field, ClientCodeTaken, PossibleDuplicates unless `accept_duplicates`,
    OutsideReach, ClientNotFound (parent), ClientTreeTooDeep, Forbidden.
    """
    policies = await policies_in_force(session)
    cleaned = clean_client(fields, new=True, also=PLACED, code_required=policies.code_required)
    problems = list(cleaned.problems)
    values: dict[str, Any] = dict.fromkeys(CLIENT_FIELDS) | cleaned.values
    values |= await _placed(session, fields, problems)
    if "kind" in cleaned.values:
        problems += await check_kind(session, values["kind"])
    values["custom"] = await check_custom_values(session, "client", fields.get("custom"), problems)
    if not problems:
        problems += await check_plugins(session, values)
    refuse(problems)
    if values["parent_id"] is not None:
        await tree_turn(session)  # before the parent is held, as in every move
        await _parent(session, values["parent_id"], today)
    if not accept_duplicates:
        place = (values["credit_code"], values["region"], values["unit_id"])
        found = await find_duplicates(session, values["name"], *place, today=today)
        if found:
            raise PossibleDuplicates(found)
    client = await _insert(session, values, today)
    after = {name: value for name, value in flat(values).items() if value is not None}
    await record(session, "clients.client.create", Subject("client", client.id), after=after, personal=PERSONAL)
    return client


@command("clients.client.update", "修改客户资料", "Change a client's record", permission=CLIENTS_EDIT)
async def update_client(
    session: WriteSession, client_id: UUID, *, fields: Fields, today: date, expected_version: int | None = None
) -> Client:
    """Change the given fields of `rules.CLIENT_FIELDS`; None empties one. `custom` changes the given keys only.

    Raises ClientNotFound, ClientIsMerged, ClientChanged, InvalidInput naming every bad field, ClientCodeTaken.
    """
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today, expected_version=expected_version)
    policies = await policies_in_force(session)
    required = policies.code_required and client.code is not None
    cleaned = clean_client(fields, new=False, also=("custom",), code_required=required)
    problems, values = list(cleaned.problems), cleaned.values
    if "kind" in values and values["kind"] != client.kind:
        problems += await check_kind(session, values["kind"])
    if "custom" in fields:
        values["custom"] = await check_custom_values(session, "client", fields["custom"], problems, client.custom)
    columns = {**_columns(client), **values}
    if (columns["latitude"] is None) != (columns["longitude"] is None) and PLACE_HALVED not in problems:
        problems.append(PLACE_HALVED)
    if not problems:
        problems += await check_plugins(session, columns)
    refuse(problems)
    before = {name: getattr(client, name) for name in values}
    keys = keys_for_client(client.id, _columns(client))
    await _change(session, client, values)
    await write_keys(session, [keys_for_client(client.id, columns)], before=[keys])
    if "custom" in values:
        await write_custom_index(session, "client", client.id, client.custom, clear=True)
    subject = Subject("client", client.id)
    await record(session, "clients.client.update", subject, before=flat(before), after=flat(values), personal=PERSONAL)
    return client


@command("clients.client.set_parent", "设置上级客户", "Set a client's deciding parent", permission=CLIENTS_EDIT)
async def set_parent(
    session: WriteSession,
    client_id: UUID,
    *,
    parent_id: UUID | None,
    today: date,
    expected_version: int | None = None,
) -> Client:
    """Put a client under the one that decides for it, or under none. The parent must be visible to the actor.

    Raises ClientNotFound, ClientIsMerged, ClientChanged, ClientCycle, ClientTreeTooDeep.
    """
    await tree_turn(session)  # before any row is held: a move that waits must hold nothing that another refers to
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today, expected_version=expected_version)
    if parent_id is not None:
        await _parent(session, parent_id, today)
        await check_parent(session, client.id, client.name, parent_id)
    before = {"parent_id": client.parent_id}
    await _change(session, client, {"parent_id": parent_id})
    after = {"parent_id": parent_id}
    await record(session, "clients.client.set_parent", Subject("client", client.id), before=before, after=after)
    return client


@command("clients.client.set_status", "变更客户状态", "Move a client in its life cycle", permission=CLIENTS_EDIT)
async def set_status(
    session: WriteSession,
    client_id: UUID,
    *,
    status: ClientStatus | str,
    reason: str,
    today: date,
    expected_version: int | None = None,
) -> Client:
    """Move a client along prospect → active → dormant → closed (and back to active), saying why.

    Raises ClientNotFound, ClientIsMerged, ClientChanged, InvalidInput, StatusMoveRefused.
    """
    problem = reason_problem(reason)
    problems = [problem] if problem else []
    if status not in tuple(ClientStatus):
        text = Bilingual("没有此客户状态。", "There is no such status.")
        problems.append(FieldProblem(("status",), "unknown", text))
    refuse(problems)
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today, expected_version=expected_version)
    before, after = ClientStatus(client.status), ClientStatus(status)
    if not status_move_allowed(before, after):
        raise _refused_move(before, after)
    await _change(session, client, {"status": after.value, "last_activity_on": today})
    await _record_change(session, client, "status", before.value, after.value, reason=reason)
    return client


@command("clients.client.set_tier", "调整客户等级", "Change a client's tier", permission=CLIENTS_TIER)
async def set_tier(
    session: WriteSession,
    client_id: UUID,
    *,
    tier: str | None,
    reason: str,
    today: date,
    source: str = "manual",
    source_id: UUID | None = None,
    expected_version: int | None = None,
) -> Client:
    """Give a client another tier, or none, saying why; `source` and `source_id` say where it came from.

    Raises ClientNotFound, ClientIsMerged, ClientChanged, InvalidInput.
    """
    problem = reason_problem(reason)
    problems = [problem] if problem else []
    client = await client_to_change(session, client_id, CLIENTS_TIER, today=today, expected_version=expected_version)
    if tier == client.tier:
        problems.append(FieldProblem(("tier",), "unchanged", Bilingual("等级没有变化。", "It has this tier already.")))
    elif tier is not None:
        problems += await check_tier(session, tier)
    refuse(problems)
    before = client.tier
    await _change(session, client, {"tier": tier})
    await _record_change(session, client, "tier", before, tier, reason=reason, source=source, source_id=source_id)
    return client


@command("clients.client.set_deputy", "设置客户 B 角", "Set a client's second manager", permission=CLIENTS_ASSIGN)
async def set_deputy(
    session: WriteSession,
    client_id: UUID,
    *,
    deputy_id: UUID | None,
    today: date,
    expected_version: int | None = None,
) -> Client:
    """Name the second manager (B角), who sees and does with the client what its owner may, or nobody.

    Raises ClientNotFound, ClientIsMerged, ClientChanged, InvalidInput.
    """
    client = await client_to_change(session, client_id, CLIENTS_ASSIGN, today=today, expected_version=expected_version)
    refuse(await check_deputy(session, deputy_id, client.owner_id))
    before = {"deputy_id": client.deputy_id}
    await _change(session, client, {"deputy_id": deputy_id})
    after = {"deputy_id": deputy_id}
    await record(session, "clients.client.set_deputy", Subject("client", client.id), before=before, after=after)
    return client


@command("clients.client.confirm_profile", "复核客户档案", "Confirm a client's profile", permission=CLIENTS_EDIT)
async def confirm_profile(
    session: WriteSession, client_id: UUID, *, which: Literal["basic", "personal"], today: date
) -> Client:
    """Say that the basic or the personal profile was looked through and holds today [003]; counts as activity.

    Raises ClientNotFound, ClientIsMerged, InvalidInput.
    """
    if which not in ("basic", "personal"):
        text = Bilingual("应为 basic 或 personal。", "Say basic or personal.")
        raise InvalidInput(problems=[FieldProblem(("which",), "unknown", text)])
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    column = f"{which}_confirmed_on"
    before = {column: getattr(client, column)}
    await _change(session, client, {column: today, "last_activity_on": today})
    after = {column: today}
    await record(session, "clients.client.confirm_profile", Subject("client", client.id), before=before, after=after)
    return client


async def _placed(session: WriteSession, fields: Fields, problems: list[FieldProblem]) -> dict[str, Any]:
    """Status, tier, parent, owner, unit and deputy of a new client, checked."""
    status = fields.get("status") or ClientStatus.PROSPECT
    if status not in FIRST_STATUSES:
        text = Bilingual("新客户只能是潜在或在网。", "A new client is a prospect or active.")
        problems.append(FieldProblem(("status",), "status", text))
    tier = fields.get("tier") or None
    if tier is not None:
        problems += await check_tier(session, tier)
    parent_id = identifier("parent_id", fields.get("parent_id"), problems)
    return {"status": str(status), "tier": tier, "parent_id": parent_id, **await _hands(session, fields, problems)}


async def _hands(session: WriteSession, fields: Fields, problems: list[FieldProblem]) -> dict[str, UUID | None]:
    """In whose hands a new client comes: owner, unit, deputy."""
    actor = session.actor
    may_assign = actor.unrestricted or CLIENTS_ASSIGN.key in actor.permissions
    own = actor.id if actor.kind is ActorKind.USER and not may_assign else None
    owner_id = identifier("owner_id", fields.get("owner_id", own), problems)
    owner = await check_owner(session, owner_id, problems)
    usual = actor.unit_id if owner is None else owner.unit_id
    unit_id = identifier("unit_id", fields.get("unit_id"), problems) or usual
    deputy_id = identifier("deputy_id", fields.get("deputy_id"), problems)
    if owner_id != own or unit_id != usual or deputy_id is not None:
        require(actor, CLIENTS_ASSIGN)
    problems += await check_unit(session, unit_id)
    problems += await check_deputy(session, deputy_id, owner_id)
    return {"owner_id": owner_id, "unit_id": unit_id, "deputy_id": deputy_id}


async def _parent(session: WriteSession, parent_id: UUID, today: date) -> Client:
    """The parent, which cannot be merged meanwhile."""
    await client_in_reach(session, parent_id, CLIENTS_VIEW, today=today)
    statement = select(Client).where(session.within(Client), Client.id == parent_id)
    held = statement.with_for_update(read=True, key_share=True).execution_options(populate_existing=True)
    parent: Client = (await session.scalars(held))[0]
    if parent.status == ClientStatus.MERGED:
        raise ClientIsMerged(name=parent.name)
    return parent


async def _insert(session: WriteSession, values: Fields, today: date) -> Client:
    client = Client(
        id=new_id(),
        created_by=session.actor.id,
        basic_confirmed_on=today,
        last_activity_on=today,
        pool_since=datetime.now(UTC) if values["owner_id"] is None else None,
        **values,
    )
    if client.parent_id is not None:
        await check_parent(session, client.id, client.name, client.parent_id)
    try:
        async with session.savepoint():
            session.add(client)
            await session.flush()
            reach = CLIENT.within_reach(session, CLIENTS_EDIT, today)
            if await session.find(Client, Client.id == client.id, reach) is None:
                raise OutsideReach
    except IntegrityError as error:
        raise _taken(error, values) from error
    session.add(
        ClientOwnership(client_id=client.id, valid_from=today, owner_id=client.owner_id, unit_id=client.unit_id)
    )
    if client.tier is not None:
        reason = "建档 / entered"
        session.add(_change_row(session, client, "tier", None, client.tier, reason=reason))
    await session.flush()
    await write_keys(session, [keys_for_client(client.id, values)])
    await write_custom_index(session, "client", client.id, client.custom)
    return client


async def _change(session: WriteSession, client: Client, values: Fields) -> None:
    try:
        async with session.savepoint():
            for name, value in values.items():
                setattr(client, name, value)
            client.updated_at = datetime.now(UTC)
            await session.flush()
    except IntegrityError as error:
        raise _taken(error, values) from error


def _columns(client: Client) -> dict[str, Any]:
    """A client's columns by name, as plugins and search keys read them."""
    return {name: getattr(client, name) for name in (*CLIENT_FIELDS, *PLACED, "id")}


def _change_row(
    session: WriteSession,
    client: Client,
    field: str,
    before: str | None,
    after: str | None,
    *,
    reason: str,
    source: str = "manual",
    source_id: UUID | None = None,
) -> ClientChange:
    return ClientChange(
        id=new_id(),
        client_id=client.id,
        field=field,
        before=before,
        after=after,
        reason=reason,
        source=source,
        source_id=source_id,
        changed_by=session.actor.id,
    )


async def _record_change(
    session: WriteSession,
    client: Client,
    field: str,
    before: str | None,
    after: str | None,
    *,
    reason: str,
    source: str = "manual",
    source_id: UUID | None = None,
) -> None:
    """One change of tier or status, in the client's history and in the audit log."""
    text = line_of_text(reason, 500)
    session.add(_change_row(session, client, field, before, after, reason=text, source=source, source_id=source_id))
    await record(
        session,
        f"clients.client.set_{field}",
        Subject("client", client.id),
        before={field: before},
        after={field: after},
        reason=text,
    )


def _refused_move(before: ClientStatus, after: ClientStatus) -> StewardError:
    titles = [STATUS_TITLES[status] for status in (before, after)]
    open_to = [STATUS_TITLES[status] for status in NEXT_STATUSES[before]]
    return StatusMoveRefused(
        move=Bilingual("→".join(title.zh for title in titles), " → ".join(title.en for title in titles)),
        open=Bilingual("、".join(title.zh for title in open_to), ", ".join(title.en for title in open_to)),
    )


def _taken(error: IntegrityError, values: Fields) -> StewardError:
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name == "uq_client_tenant_id_code":
        return ClientCodeTaken(client_code=values["code"])
    raise error
