"""Custom values checked for whoever saves a row, and the commands by which a tenant shapes its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from steward_core.custom_fields.definitions import clean_changes, clean_definition, clean_target, snapshot
from steward_core.custom_fields.errors import (
    FieldChanged,
    FieldKeyTaken,
    FieldNotFound,
    TooManyFields,
    ValuesNoLongerFit,
)
from steward_core.custom_fields.index import entries_of_custom
from steward_core.custom_fields.indexing import count_misfits, restart_indexing, writers
from steward_core.custom_fields.models import CustomField, FieldType
from steward_core.custom_fields.rules import clean_value, rules_of, to_json
from steward_core.database.bulk import update_many
from steward_core.industry.enabled import enabled_form
from steward_core.permissions import CUSTOM_FIELDS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import share_turn, take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.people.rules import Unacceptable
from steward_tenants.texts import Bilingual

__all__ = [
    "MOST_FIELDS",
    "change_field",
    "check_custom",
    "create_field",
    "entries_of_custom",
    "fields_of",
    "reorder_fields",
    "retire_field",
    "revive_field",
]

MOST_FIELDS = 100
"""Fields in use that one target may have."""
FORM = "form:"
KEY_CONSTRAINT = "uq_custom_field_tenant_id_target_key"
_KNOWN: WeakKeyDictionary[TenantSession, dict[str, tuple[CustomField, ...]]] = WeakKeyDictionary()


async def fields_of(session: TenantSession, target: str) -> tuple[CustomField, ...]:
    """A target's fields in their order, retired ones too; read once for each session.

    A session that writes keeps the fields' index switches as they are until it ends: a row is never saved by the rules
    of before a run that indexes older rows.
    """
    known = _KNOWN.setdefault(session, {})
    if target not in known:
        if isinstance(session, WriteSession):
            await share_turn(session, writers(target))
        rows = await session.scalars(
            select(CustomField)
            .where(session.within(CustomField), CustomField.target == target)
            .order_by(CustomField.place, CustomField.key)
            .execution_options(populate_existing=True)
        )
        known[target] = tuple(rows)
    return known[target]


async def check_custom(
    session: TenantSession,
    target: str,
    values: Mapping[str, Any],
    *,
    existing: Mapping[str, Any] | None = None,
    required: bool = True,
    complete: bool = False,
) -> dict[str, Any]:
    """All custom values of a row in JSON form, after `values` were checked and laid over `existing`; None clears one.

    A value that stays as it was is always taken, though its field was retired or its rules narrowed meanwhile. Of a
    new row (`existing` None) every required field must be given; of an existing one none may be cleared; `required`
    False leaves that for later (drafts), `complete` asks an existing row for all of them (a draft is done). Raises
    InvalidInput naming every bad field at once (paths `custom.<key>`).
    """
    if not isinstance(values, Mapping):
        raise invalid("custom", "mapping", "应为“字段标识: 值”的对象。", "Give an object of field keys and values.")
    fields = await fields_of(session, target)
    return merged_values(fields, values, existing=existing, required=required, complete=complete)


def merged_values(
    fields: Sequence[CustomField],
    values: Mapping[str, Any],
    *,
    existing: Mapping[str, Any] | None = None,
    required: bool = True,
    complete: bool = False,
) -> dict[str, Any]:
    """What `check_custom` does once the fields are known, for callers with many rows."""
    problems = [
        FieldProblem(("custom", str(key)[:50]), "unknown", Bilingual("没有此自定义字段。", "No such custom field."))
        for key in islice(values.keys() - {field.key for field in fields}, MOST_FIELDS)
    ]
    result = dict(existing or {})
    for field in fields:
        try:
            if field.key in values:
                _lay_over(result, field, values[field.key])
            if required and not field.retired and field.rules.get("required"):
                _demand(field, values, result, new=complete or existing is None)
        except Unacceptable as refused:
            problems.append(FieldProblem(("custom", field.key), refused.code, refused.message))
    if problems:
        raise InvalidInput(problems=sorted(problems, key=lambda problem: problem.path))
    return result


def _lay_over(result: dict[str, Any], field: CustomField, value: Any) -> None:
    if value is None or (isinstance(value, str) and not value.strip()) or (isinstance(value, list) and not value):
        result.pop(field.key, None)
        return
    if field.key in result and _same(result[field.key], value):
        return
    if field.retired:
        raise Unacceptable("retired", "该字段已停用，不能填写新值。", "The field is retired and takes no new values.")
    kind = FieldType(field.type)
    result[field.key] = to_json(clean_value(kind, rules_of(kind, field.rules), value))


def _same(stored: Any, value: Any) -> bool:
    return type(stored) is type(value) and bool(stored == value)


def _demand(field: CustomField, values: Mapping[str, Any], result: Mapping[str, Any], *, new: bool) -> None:
    if field.key not in result and (new or field.key in values):
        raise Unacceptable("required", "必填。", "It is required.")


@command("custom_fields.create", "新建自定义字段", "Create a custom field", permission=CUSTOM_FIELDS_MANAGE)
async def create_field(
    session: WriteSession, target: str, key: str, kind: str, values: Mapping[str, Any]
) -> CustomField:
    """A new field at the end of its target's. `values`: `title_zh`, `title_en`, `hint_zh`, `hint_en`, `rules`,
    `filterable`. Type and key never change. Raises InvalidInput, FormNotFound, FieldKeyTaken, TooManyFields."""
    target = clean_target(target)
    if target.startswith(FORM):
        await enabled_form(session, target.removeprefix(FORM))
    clean = clean_definition(key, kind, values)
    await _definitions_turn(session, target)
    await _room_for_one(session, target)
    last = await session.scalar(
        select(func.max(CustomField.place)).where(session.within(CustomField), CustomField.target == target)
    )
    now = datetime.now(UTC)  # no row can have a value yet, so the index is whole
    field = CustomField(
        id=new_id(),
        target=target,
        place=(last or 0) + 1,
        retired=False,
        indexed_at=now if clean["filterable"] else None,
        **clean,
    )
    try:
        async with session.savepoint():
            session.add(field)
            await session.flush()
    except IntegrityError as error:
        if (
            getattr(getattr(error.orig, "diag", None), "constraint_name", None)
            == "uq_custom_field_tenant_id_target_key"
        ):
            raise FieldKeyTaken(key=key) from error
        raise
    _forget(session, target)
    await record(
        session, "custom_fields.create", Subject("custom_field", field.id), after={"target": target, **snapshot(field)}
    )
    return field


@command("custom_fields.change", "修改自定义字段", "Change a custom field", permission=CUSTOM_FIELDS_MANAGE)
async def change_field(
    session: WriteSession,
    field_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected_version: int | None = None,
    accept: bool = False,
) -> CustomField:
    """Change titles, hints, rules, or whether the field is filterable.

    Rules that existing values would not fit are refused unless `accept`; those values then stay until they are
    changed. Switching `filterable` asks for a run that fills the index (the field can be filtered by when it is done)
    or empties it. Raises InvalidInput, FieldNotFound, FieldChanged, ValuesNoLongerFit.
    """
    field = await _field(session, field_id)
    clean = clean_changes(FieldType(field.type), changes)
    await _definitions_turn(session, field.target)
    await session.refresh(field)
    switched = clean.get("filterable", field.filterable) != field.filterable
    if switched:
        await restart_indexing(session, field)
    field = await _field(session, field_id, expected_version, lock=True)
    before = snapshot(field)
    if "rules" in clean:
        misfits = await count_misfits(session, field, rules_of(FieldType(field.type), clean["rules"]))
        if misfits and not accept:
            raise ValuesNoLongerFit(count=misfits)
    for name, value in clean.items():
        setattr(field, name, value)
    if switched:
        field.indexed_at = None
    await session.flush()
    _forget(session, field.target)
    await record(
        session, "custom_fields.change", Subject("custom_field", field.id), before=before, after=snapshot(field)
    )
    return field


@command("custom_fields.retire", "停用自定义字段", "Retire a custom field", permission=CUSTOM_FIELDS_MANAGE)
async def retire_field(session: WriteSession, field_id: UUID, *, expected_version: int | None = None) -> CustomField:
    """Take no new values from now on; existing ones stay readable. Again is no error. Raises FieldNotFound,
    FieldChanged."""
    return await _set_retired(session, "custom_fields.retire", field_id, True, expected_version)


@command("custom_fields.revive", "恢复自定义字段", "Revive a custom field", permission=CUSTOM_FIELDS_MANAGE)
async def revive_field(session: WriteSession, field_id: UUID, *, expected_version: int | None = None) -> CustomField:
    """Take values again. Again is no error. Raises FieldNotFound, FieldChanged, TooManyFields."""
    return await _set_retired(session, "custom_fields.revive", field_id, False, expected_version)


async def _set_retired(
    session: WriteSession, action: str, field_id: UUID, retired: bool, expected_version: int | None
) -> CustomField:
    field = await _field(session, field_id)
    if not retired:
        await _definitions_turn(session, field.target)
    field = await _field(session, field_id, expected_version, lock=True)
    before = {"retired": field.retired}
    if field.retired and not retired:
        await _room_for_one(session, field.target)
    field.retired = retired
    await session.flush()
    _forget(session, field.target)
    await record(session, action, Subject("custom_field", field.id), before=before, after={"retired": retired})
    return field


@command("custom_fields.reorder", "调整自定义字段顺序", "Reorder custom fields", permission=CUSTOM_FIELDS_MANAGE)
async def reorder_fields(session: WriteSession, target: str, keys: Sequence[str]) -> tuple[CustomField, ...]:
    """Put a target's fields in use into this order; each is named exactly once. Raises InvalidInput."""
    await _definitions_turn(session, target)
    rows = await session.scalars(
        select(CustomField)
        .where(session.within(CustomField), CustomField.target == target, CustomField.retired.is_(False))
        .order_by(CustomField.place, CustomField.key)
    )
    fields = {field.key: field for field in rows}
    before = list(fields)
    if len(keys) != len(fields) or {str(key) for key in keys} != fields.keys():
        raise invalid("keys", "order", "请列出全部在用字段，每个一次。", "Name every field in use, each once.")
    await update_many(
        session,
        CustomField,
        {"id": [fields[key].id for key in keys]},
        {"place": list(range(1, len(keys) + 1))},
        also={"version": CustomField.version + 1},
    )
    _forget(session, target)
    await record(
        session,
        "custom_fields.reorder",
        Subject("custom_field"),
        before={"target": target, "order": before},
        after={"target": target, "order": list(keys)},
    )
    return await fields_of(session, target)


async def _definitions_turn(session: WriteSession, target: str) -> None:
    await take_turn(session, f"custom_fields.definitions/{target}")


async def _room_for_one(session: WriteSession, target: str) -> None:
    used = await session.scalar(
        select(func.count()).where(
            session.within(CustomField), CustomField.target == target, CustomField.retired.is_(False)
        )
    )
    if used >= MOST_FIELDS:
        raise TooManyFields(most=MOST_FIELDS)


async def _field(
    session: WriteSession, field_id: UUID, expected_version: int | None = None, *, lock: bool = False
) -> CustomField:
    field = await session.get(CustomField, field_id, lock=lock)
    if field is None:
        raise FieldNotFound
    if expected_version is not None and field.version != expected_version:
        raise FieldChanged(key=field.key)
    return field


def _forget(session: TenantSession, target: str) -> None:
    _KNOWN.setdefault(session, {}).pop(target, None)
