"""What a client refers to, checked against the tenant: kinds, tiers, people, units, custom fields, plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.models import ClientKind, ClientTier
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.organisation.models import OrgUnit, UnitStatus
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual

WORKING = (UserStatus.ACTIVE, UserStatus.INVITED)
"""People who may own clients: a portfolio may be handed out before somebody accepts the invitation."""


def refuse(problems: Sequence[FieldProblem]) -> None:
    """Raise InvalidInput if there are any."""
    if problems:
        raise InvalidInput(problems=problems)


def problem(field: str, code: str, zh: str, en: str) -> FieldProblem:
    """A problem of one field."""
    return FieldProblem((field,), code, Bilingual(zh, en))


def identifier(field: str, value: Any, problems: list[FieldProblem]) -> UUID | None:
    """An id given as such or as text; what is none becomes a problem."""
    if value is None or isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        problems.append(problem(field, "identifier", "不是有效的编号。", "It is not a valid id."))
        return None


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row's values for the audit log: custom fields each under their path."""
    custom = values.get("custom") or {}
    plain = {name: value for name, value in values.items() if name != "custom"}
    return {**plain, **{f"custom.{key}": value for key, value in custom.items()}}


async def check_kind(session: TenantSession, key: str) -> list[FieldProblem]:
    """A kind must exist here and not be retired."""
    kind = await session.find(ClientKind, ClientKind.key == key)
    if kind is None:
        return [problem("kind", "unknown", "没有此客户类型。", "There is no such kind of client.")]
    if kind.retired:
        return [problem("kind", "retired", "此客户类型已停用。", "This kind of client is retired.")]
    return []


async def check_tier(session: TenantSession, key: Any) -> list[FieldProblem]:
    """A tier must exist here and not be retired."""
    tier = await session.find(ClientTier, ClientTier.key == key) if isinstance(key, str) else None
    if tier is None:
        return [problem("tier", "unknown", "没有此客户等级。", "There is no such tier.")]
    if tier.retired:
        return [problem("tier", "retired", "此客户等级已停用。", "This tier is retired.")]
    return []


async def check_owner(session: WriteSession, owner_id: UUID | None, problems: list[FieldProblem]) -> User | None:
    """The owner, kept from being disabled until the transaction ends; None for the public pool."""
    if owner_id is None:
        return None
    owner = await _held(session, owner_id)
    if owner is None:
        problems.append(_nobody("owner_id"))
    return owner


async def check_deputy(session: WriteSession, deputy_id: UUID | None, owner_id: UUID | None) -> list[FieldProblem]:
    """A deputy works here and is not the owner."""
    if deputy_id is None:
        return []
    if deputy_id == owner_id:
        return [problem("deputy_id", "owner", "B 角不能与负责人相同。", "The second manager cannot be the owner.")]
    return [] if await _held(session, deputy_id) is not None else [_nobody("deputy_id")]


async def check_unit(session: WriteSession, unit_id: UUID | None) -> list[FieldProblem]:
    """A unit must exist and be open; it is kept from closing until the transaction ends."""
    if unit_id is None:
        return []
    statement = select(OrgUnit.status).where(session.within(OrgUnit), OrgUnit.id == unit_id)
    status = await session.scalar(statement.with_for_update(read=True))
    if status is None:
        return [problem("unit_id", "unknown", "找不到该组织机构。", "There is no such org unit.")]
    if status == UnitStatus.CLOSED:
        return [problem("unit_id", "closed", "该组织机构已撤销。", "This org unit is closed.")]
    return []


async def check_custom_values(
    session: TenantSession,
    target: str,
    values: Any,
    problems: list[FieldProblem],
    existing: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The tenant's own fields of a row after `values` were laid over `existing`; what is wrong is added."""
    # Custom fields index clients, and clients carry custom fields: the import waits until both are there.
    from steward_core.custom_fields.service import check_custom  # noqa: PLC0415

    try:
        return await check_custom(session, target, {} if values is None else values, existing=existing)
    except InvalidInput as refused:
        problems.extend(refused.problems)
        return dict(existing or {})


async def write_custom_index(
    session: WriteSession, target: str, row_id: UUID, custom: Mapping[str, Any], *, clear: bool = False
) -> None:
    """Write a row's filterable custom fields to the index; `clear` when it may have entries already."""
    from steward_core.custom_fields.index import entries_of_custom, write_index  # noqa: PLC0415
    from steward_core.custom_fields.service import fields_of  # noqa: PLC0415

    entries = entries_of_custom(await fields_of(session, target), target, row_id, custom)
    if entries or clear:
        await write_index(session, entries, [row_id] if clear else (), prefix=f"{target}.custom.")


async def check_plugins(session: TenantSession, values: Mapping[str, Any]) -> list[FieldProblem]:
    """What the tenant's industries have against a client; `values` holds its columns by name."""
    from steward_core.industry.dispatcher import check_client  # noqa: PLC0415

    return await check_client(session, values)


async def _held(session: WriteSession, user_id: UUID) -> User | None:
    statement = (
        select(User)
        .where(session.within(User), User.id == user_id, User.status.in_(WORKING))
        .with_for_update(read=True)
    )
    found: User | None = await session.scalar(statement)
    return found


def _nobody(field: str) -> FieldProblem:
    return problem(field, "unknown", "没有此在职人员。", "Nobody of that id works here.")
