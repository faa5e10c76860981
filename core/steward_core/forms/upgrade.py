"""Taking records over to a form's present version: foreseen by `dry_run`, done by runs of kind `forms.upgrade`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import String, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from steward_core.custom_fields.index import IndexEntry, entries_of_custom
from steward_core.database.bulk import insert_many, update_many
from steward_core.forms.documents import Filled, filled_or_problems, title_of, upgraded
from steward_core.forms.form import Form
from steward_core.forms.indexing import entries, fields_here, replace_entries
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.states import is_draft, state_of
from steward_core.forms.subjects import slot_of
from steward_core.industry.registry import form_of
from steward_core.runs.chunks import size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind, request_run
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, StewardError
from steward_tenants.outbox.jobs import Queue
from steward_tenants.texts import Bilingual

KIND = "forms.upgrade"
CHUNK = 1000
MOST_LISTED = 100
Document = dict[str, Any]

_STEP_FAILED = FieldProblem(
    (),
    "upgrade_failed",
    Bilingual("升级步骤在该记录上出错。", "A step of the upgrade failed on this record."),
)
_SLOT = FieldProblem(
    (),
    "slot_taken",
    Bilingual("升级后与同一对象的另一条记录重复。", "After the upgrade another record of the subject holds its place."),
)


@dataclass(frozen=True)
class FailedRecord:
    """A record that keeps its version, and why."""

    record_id: UUID
    problems: tuple[FieldProblem, ...]

    def as_json(self) -> dict[str, Any]:
        """For a run's counts."""
        return {
            "record": str(self.record_id),
            "problems": [
                {"path": list(p.path), "code": p.code, "zh-CN": p.message.zh, "en": p.message.en}
                for p in self.problems[:5]
            ],
        }


@dataclass(frozen=True)
class UpgradeForecast:
    """What an upgrade would do. `versions`: how many records stand at which version; `changed_fields`: those whose
    values would come, go or differ in at least one record; `examples` of the records that would fail."""

    form: str
    version: int
    versions: Mapping[int, int]
    upgradable: int
    failing: int
    examples: tuple[FailedRecord, ...]
    changed_fields: tuple[str, ...]


@dataclass
class _Outcome:
    """What became of one record: its new content, or why it has none."""

    row: FormRecord
    document: Document = field(default_factory=dict)
    computed: Document = field(default_factory=dict)
    slot: str | None = None
    valid: bool = True
    problems: tuple[FieldProblem, ...] = ()


def _outcome(form: type[Form], row: FormRecord) -> _Outcome:
    if not row.document:  # of a person who was erased
        return _Outcome(row, {}, {}, row.slot, valid=False)
    try:
        document = upgraded(form, row.document, row.form_version)
    except StewardError as error:
        return _Outcome(row, problems=(FieldProblem((), error.code, error.text),))
    except Exception:
        return _Outcome(row, problems=(_STEP_FAILED,))
    if is_draft(state_of(form, row.state)):
        return _Outcome(row, document, {}, row.slot, valid=False)
    filled = filled_or_problems(form, document)
    if not isinstance(filled, Filled):
        return _Outcome(row, problems=tuple(filled))
    try:
        slot = slot_of(form, filled.document, filled.computed, row.period)
    except InvalidInput as error:
        return _Outcome(row, problems=error.problems)
    kept = slot if form.about.by_people else row.slot  # whoever makes them in bulk gives them slots of its own
    return _Outcome(row, filled.document, filled.computed, kept)


async def _outcomes(session: TenantSession, form: type[Form], rows: Sequence[FormRecord]) -> list[_Outcome]:
    found = [_outcome(form, row) for row in rows]
    moved = [one for one in found if not one.problems and one.slot is not None and one.slot != one.row.slot]
    taken = await _taken(session, moved)
    for one in moved:
        place = (one.row.subject_id, one.slot or "")
        if place in taken:
            one.problems = (_SLOT,)
        taken.add(place)
    return found


async def _taken(session: TenantSession, moved: Sequence[_Outcome]) -> set[tuple[UUID, str]]:
    """The places that records hold already among those that others would move to."""
    if not moved:
        return set()
    rows = await session.rows(
        select(FormRecord.subject_id, FormRecord.slot).where(
            session.within(FormRecord),
            FormRecord.form == moved[0].row.form,
            FormRecord.subject_id.in_({one.row.subject_id for one in moved}),
            FormRecord.slot == any_(bindparam(None, [one.slot for one in moved], type_=ARRAY(String()))),
        )
    )
    return {(row[0], row[1]) for row in rows}


async def _chunk(
    session: TenantSession, full_key: str, version: int, after: UUID | None, at_once: int, *, lock: bool
) -> Sequence[FormRecord]:
    statement = select(FormRecord).where(
        session.within(FormRecord), FormRecord.form == full_key, FormRecord.form_version < version
    )
    if after is not None:
        statement = statement.where(FormRecord.id > after)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    rows: Sequence[FormRecord] = await session.scalars(statement.order_by(FormRecord.id).limit(at_once))
    return rows


async def dry_run(session: TenantSession, full_key: str, *, examples: int = 20) -> UpgradeForecast:
    """What an upgrade of a form's records would do, by trying it on every one; nothing is written. Raises
    FormNotFound."""
    form = form_of(full_key)
    version = form.about.version
    versions = await _versions(session, full_key)
    failing: list[FailedRecord] = []
    changed: set[str] = set()
    good = bad = 0
    after: UUID | None = None
    while rows := await _chunk(session, full_key, version, after, CHUNK, lock=False):
        after = rows[-1].id
        for one in await _outcomes(session, form, rows):
            if one.problems:
                bad += 1
                failing += [FailedRecord(one.row.id, one.problems)] if len(failing) < examples else []
            else:
                good += 1
                changed |= _changed(one.row.document, one.document) | _changed(one.row.computed, one.computed)
        if len(rows) < CHUNK:
            break
    return UpgradeForecast(full_key, version, versions, good, bad, tuple(failing), tuple(sorted(changed)))


async def _versions(session: TenantSession, full_key: str) -> dict[int, int]:
    rows = await session.rows(
        select(FormRecord.form_version, func.count())
        .where(session.within(FormRecord), FormRecord.form == full_key)
        .group_by(FormRecord.form_version)
        .order_by(FormRecord.form_version)
    )
    return {row[0]: row[1] for row in rows}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    gone_or_new = before.keys() ^ after.keys()
    return gone_or_new | {name for name in before.keys() & after.keys() if before[name] != after[name]}


async def request_upgrade(session: WriteSession, full_key: str) -> Run | None:
    """Ask for the run that takes a form's older records over; None when there are none. Records that failed before
    are tried again by a further run. Raises FormNotFound, Forbidden."""
    form = form_of(full_key)
    if not any(version < form.about.version for version in await _versions(session, full_key)):
        return None
    start = f"v{form.about.version}/"
    periods = await session.scalars(
        select(Run.period).where(session.within(Run), Run.kind == KIND, Run.subject == full_key)
    )
    made = sum(period.startswith(start) for period in periods)
    return await request_run(session, KIND, period=f"{start}{made + 1}", subject=full_key)


async def _advance(session: WriteSession, run: Run, tools: RunTools) -> bool:  # noqa: ARG001 - every kind has it
    form = form_of(run.subject)
    version = form.about.version
    if not run.position:
        run.total = sum(number for at, number in (await _versions(session, run.subject)).items() if at < version)
    after = run.position.get("after")
    at_once = size_of(run, CHUNK)
    rows = await _chunk(session, run.subject, version, UUID(after) if after else None, at_once, lock=True)
    if not rows:
        return True
    outcomes = await _outcomes(session, form, rows)
    good = [one for one in outcomes if not one.problems]
    bad = [FailedRecord(one.row.id, one.problems) for one in outcomes if one.problems]
    await _write(session, form, run.subject, good)
    listed = [*run.counts.get("problems", []), *(one.as_json() for one in bad)][:MOST_LISTED]
    run.counts = {
        "upgraded": run.counts.get("upgraded", 0) + len(good),
        "failed": run.counts.get("failed", 0) + len(bad),
        "problems": listed,
    }
    run.done += len(rows)
    run.position = {"after": str(rows[-1].id)}
    await record(
        session,
        KIND,
        Subject("run", run.id),
        after={"form": run.subject, "version": version, "upgraded": len(good), "failed": len(bad)},
    )
    return len(rows) < at_once


async def _write(session: WriteSession, form: type[Form], full_key: str, good: Sequence[_Outcome]) -> None:
    if not good:
        return
    rows = [one.row for one in good]
    await insert_many(
        session,
        FormRevision,
        {
            "record_id": [row.id for row in rows],
            "revision": [row.version for row in rows],
            "form_version": [row.form_version for row in rows],
            "state": [row.state for row in rows],
            "document": [row.document for row in rows],
            "computed": [row.computed for row in rows],
            "custom": [row.custom for row in rows],
            "cause": ["upgrade"] * len(rows),
            "replaced_by": [session.actor.id] * len(rows),
        },
    )
    await update_many(
        session,
        FormRecord,
        {"id": [row.id for row in rows]},
        {
            "document": [one.document for one in good],
            "computed": [one.computed for one in good],
            "slot": [one.slot for one in good],
            "title": [
                title_of(form, one.document, one.computed, one.row.period) if one.document else one.row.title
                for one in good
            ],
        },
        also={
            "form_version": form.about.version,
            "version": FormRecord.version + 1,
            "updated_at": func.now(),
        },
    )
    own = await fields_here(session, full_key)
    found: list[IndexEntry] = []
    for one in good:
        found += entries_of_custom(own, full_key, one.row.id, one.row.custom)
        if one.valid:
            found += entries(form, full_key, one.row.id, one.document, one.computed)
    await replace_entries(session, found, [row.id for row in rows])


UPGRADE = declare_run_kind(KIND, "升级表单记录", "Upgrade form records", PLUGINS_MANAGE, _advance, queue=Queue.BULK)
