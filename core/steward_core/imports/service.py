"""Commands on imports: begin, apply, undo, cancel; mappings saved by name. The work itself is done by runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func

from steward_core.imports.applying import advance_apply
from steward_core.imports.batches import batch_in_reach, require_target, zone_of
from steward_core.imports.checking import advance_check
from steward_core.imports.errors import ImportNotReady, MappingChanged, MappingNotFound, RowsRefused
from steward_core.imports.guesses import Guess, guess, ready_made
from steward_core.imports.models import ImportBatch, ImportMapping, ImportStatus
from steward_core.imports.options import ImportOptions, options_of, stored
from steward_core.imports.plans import places_in, plan_for
from steward_core.imports.targets import target_of
from steward_core.imports.undoing import advance_undo
from steward_core.industry.declarations import Importer
from steward_core.industry.dispatcher import enabled
from steward_core.industry.registry import full_key
from steward_core.permissions import RECORDS_IMPORT
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import OVER, cancel_run, declare_run_kind, request_run, resume_run
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.files.service import release
from steward_tenants.outbox.jobs import Queue
from steward_tenants.people.rules import Unacceptable, line_of_text

CHECK_SECONDS = 3000.0
"""A check is made in one turn: it begins anew where another process goes on with it."""
WRITE_SECONDS = 60.0
"""Longer turns than others have: who goes on with a file reads again what was read of it."""
CHECK = declare_run_kind(
    "import.check",
    "检查导入文件",
    "Check an import",
    RECORDS_IMPORT,
    advance_check,
    queue=Queue.URGENT,
    turn_seconds=CHECK_SECONDS,
)
APPLY = declare_run_kind(
    "import.apply", "执行导入", "Apply an import", RECORDS_IMPORT, advance_apply, turn_seconds=WRITE_SECONDS
)
UNDO = declare_run_kind("import.undo", "撤销导入", "Undo an import", RECORDS_IMPORT, advance_undo)
SKIP_BAD = "skip_bad"
"""The period of a run that skips refused rows: asked for after a strict one stopped, it is another run."""


@dataclass(frozen=True)
class FileHead:
    """What is known of a file before any row is read: its headings, and the sheet and encoding they were read in."""

    header: tuple[str, ...]
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    encoding: str | None = None


@dataclass(frozen=True)
class MappingChoice:
    """The columns and options that an import goes by, how sure each column is, and where they came from: `given`,
    `saved`, `importer` (a plugin's) or `guessed`."""

    columns: dict[str, str | None]
    options: ImportOptions
    confidence: dict[str, float] = field(default_factory=dict)
    source: str = "given"
    name: str | None = None


async def choose_mapping(
    session: TenantSession,
    target: str,
    header: tuple[str, ...],
    *,
    columns: Mapping[str, str | None] | None = None,
    mapping: str | None = None,
    options: Mapping[str, Any] | None = None,
    zone: str = "",
) -> MappingChoice:
    """The mapping for a file of these headings: the columns given, a mapping by name (saved, or `<plugin>.<key>`), a
    plugin's whose every heading the file has, or a guess. `options` are laid over those of a mapping.

    Raises TargetUnknown, MappingNotFound, InvalidInput.
    """
    importers = await importers_for(session, target)
    chosen: Mapping[str, str | None] | None = columns
    given = dict(options or {})
    source, name = "given", mapping
    if mapping is not None:
        known = await _mapping_named(session, target, mapping, importers)
        given = {**known[1], **given}
        chosen = {**known[0], **(columns or {})}
        source = known[2]
    elif columns is None:
        ready = ready_made(header, list(importers.values()))
        if ready is not None:
            chosen, given = ready.columns, {**ready.options, **given}
            source, name = "importer", next(key for key, one in importers.items() if one is ready)
    checked = options_of(given)
    if chosen is not None:
        complete = dict.fromkeys((title for title in header if title), None) | dict(chosen)
        return MappingChoice(complete, checked, dict.fromkeys(chosen, 1.0), source, name)
    found = await _guessed(session, target, header, importers, zone)
    return MappingChoice(
        {one.header: one.field for one in found},
        checked,
        {one.header: one.confidence for one in found if one.field},
        "guessed",
    )


async def _guessed(
    session: TenantSession, target: str, header: tuple[str, ...], importers: Mapping[str, Importer], zone: str
) -> list[Guess]:
    fields = await (await target_of(session, target, zone=zone_of(zone))).fields(session, ())
    return guess(header, fields, importers.values())


async def importers_for(session: TenantSession, target: str) -> dict[str, Importer]:
    """The ready-made mappings of the plugins that are on here, by full key."""
    return {
        full_key(one.key, importer.key): importer
        for one in await enabled(session)
        for importer in one.industry.importers
        if importer.target == target
    }


async def _mapping_named(
    session: TenantSession, target: str, name: str, importers: Mapping[str, Importer]
) -> tuple[Mapping[str, str | None], Mapping[str, Any], str]:
    saved = await session.find(ImportMapping, ImportMapping.target == target, ImportMapping.name == name)
    if saved is not None:
        return saved.columns, saved.options, "saved"
    if name in importers:
        return importers[name].columns, importers[name].options, "importer"
    raise MappingNotFound(name=name[:100])


@command("imports.start", "开始导入", "Begin an import", permission=RECORDS_IMPORT, alone=False)
async def start_import(
    session: WriteSession,
    file_id: UUID,
    target: str,
    head: FileHead,
    *,
    today: date,
    columns: Mapping[str, str | None] | None = None,
    mapping: str | None = None,
    options: Mapping[str, Any] | None = None,
    zone: str = "",
) -> tuple[ImportBatch, Run]:
    """A new import of a stored file, and the run of its dry run. See `choose_mapping`.

    Raises Forbidden, FileNotFound, TargetUnknown, MappingNotFound, InvalidInput naming every column that does not fit.
    """
    known = await target_of(session, target, zone=zone_of(zone))
    require_target(session, known)
    file = await release(session, file_id)
    choice = await choose_mapping(
        session, target, head.header, columns=columns, mapping=mapping, options=options, zone=zone
    )
    wanted = [key for key in choice.columns.values() if key]
    fields = await known.fields(session, (*wanted, *choice.options.constants, *choice.options.formats))
    plan = plan_for(head.header, choice.columns, {one.key: one for one in fields}, choice.options)
    # Without a row, what is wrong with the options themselves (a period that facts need, a field to match by) comes up.
    await known.make(session, plan, today=today).resolve([])
    batch = ImportBatch(
        id=new_id(),
        target=target,
        status=ImportStatus.UPLOADED,
        file_id=file.id,
        file_name=file.name,
        sheet=head.sheet,
        encoding=head.encoding,
        columns=choice.columns,
        options=stored(choice.options),
        counts={"confidence": choice.confidence, "mapping": choice.source},
        created_by=session.actor.id,
    )
    session.add(batch)
    await record(
        session,
        "imports.start",
        Subject("import", batch.id),
        after={"target": target, "file_id": file.id, "file": file.name, "columns": choice.columns},
    )
    run = await _request(session, CHECK.key, batch, today, zone)
    return batch, run


@command("imports.apply", "执行导入", "Apply an import", permission=RECORDS_IMPORT)
async def apply_import(
    session: WriteSession, batch_id: UUID, *, today: date, skip_bad: bool = False, zone: str = ""
) -> Run:
    """Ask for a checked import to be written: as a whole, or with `skip_bad` what is not refused. A run that failed
    goes on.

    Raises ImportNotFound, ImportNotReady, RowsRefused.
    """
    batch = await batch_in_reach(session, batch_id, lock=True)
    if batch.status not in (ImportStatus.CHECKED, ImportStatus.APPLYING):
        raise ImportNotReady(status=batch.status)
    refused = int(batch.counts.get("refused", 0))
    if refused and not skip_bad:
        raise RowsRefused(count=refused)
    run = await _request(session, APPLY.key, batch, today, zone, period=SKIP_BAD if skip_bad else "")
    await record(session, "imports.apply", Subject("import", batch.id), after={SKIP_BAD: skip_bad})
    return run


@command("imports.undo", "撤销导入", "Undo an import", permission=RECORDS_IMPORT)
async def undo_import(session: WriteSession, batch_id: UUID, *, today: date, zone: str = "") -> Run:
    """Ask for an import to be taken back, one that stopped in the middle too. See `undoing`.

    Raises ImportNotFound, ImportNotReady.
    """
    batch = await batch_in_reach(session, batch_id, lock=True)
    if batch.status not in (ImportStatus.APPLIED, ImportStatus.APPLYING, ImportStatus.UNDOING):
        raise ImportNotReady(status=batch.status)
    await _stop(session, APPLY.key, batch.id)
    run = await _request(session, UNDO.key, batch, today, zone)
    await record(session, "imports.undo", Subject("import", batch.id), after={"target": batch.target})
    return run


@command("imports.cancel", "停止导入", "Cancel an import", permission=RECORDS_IMPORT)
async def cancel_import(session: WriteSession, batch_id: UUID, *, reason: str | None = None) -> ImportBatch:
    """Stop what runs of an import between two chunks. What was applied stays, and can be undone.

    Raises ImportNotFound.
    """
    batch = await batch_in_reach(session, batch_id, lock=True)
    for kind in (CHECK.key, APPLY.key):
        await _stop(session, kind, batch.id)
    if batch.status in (ImportStatus.UPLOADED, ImportStatus.CHECKING):
        batch.status = ImportStatus.FAILED
    await record(session, "imports.cancel", Subject("import", batch.id), reason=reason)
    return batch


async def _request(
    session: WriteSession, kind: str, batch: ImportBatch, today: date, zone: str, *, period: str = ""
) -> Run:
    subject = str(batch.id)
    known = await session.find(Run, Run.kind == kind, Run.period == period, Run.subject == subject, lock=True)
    parameters = {"today": today.isoformat(), "zone": zone, SKIP_BAD: period == SKIP_BAD}
    if known is not None and known.status not in OVER:
        # What goes on today happens today, whenever it was begun: owners change from this day on.
        known.parameters = parameters
        return await resume_run(session, known.id) if known.status == RunStatus.FAILED else known
    if known is not None:
        raise ImportNotReady(status=batch.status)
    return await request_run(session, kind, period=period, subject=subject, parameters=parameters)


async def _stop(session: WriteSession, kind: str, batch_id: UUID) -> None:
    for period in ("", SKIP_BAD):
        run = await session.find(Run, Run.kind == kind, Run.period == period, Run.subject == str(batch_id))
        if run is not None and run.status not in OVER:
            await cancel_run(session, run.id)


@command("imports.mapping.save", "保存列映射", "Save a mapping", permission=RECORDS_IMPORT)
async def save_mapping(
    session: WriteSession,
    target: str,
    name: str,
    *,
    columns: Mapping[str, str | None],
    options: Mapping[str, Any] | None = None,
    expected_version: int | None = None,
) -> ImportMapping:
    """Save a mapping under a name, or replace the one of that name. Raises InvalidInput, MappingChanged."""
    known_target = await target_of(session, target)
    try:
        name = line_of_text(name, 100)
    except Unacceptable as refused:
        raise InvalidInput(problems=[FieldProblem(("name",), refused.code, refused.message)]) from None
    checked = options_of(options or {})
    wanted = [key for key in columns.values() if key]
    fields = await known_target.fields(session, (*wanted, *checked.constants, *checked.formats))
    header = [title for title in columns if title]
    named = [place for template in checked.formats.values() for place in places_in(template)]
    plan_for([*header, *named], columns, {one.key: one for one in fields}, checked)
    known = await session.find(ImportMapping, ImportMapping.target == target, ImportMapping.name == name, lock=True)
    if known is not None and expected_version is not None and known.version != expected_version:
        raise MappingChanged(name=name)
    before = None if known is None else {"columns": known.columns, "options": known.options}
    if known is None:
        known = ImportMapping(
            id=new_id(), target=target, name=name, columns={}, options={}, created_by=session.actor.id
        )
        session.add(known)
    known.columns, known.options = dict(columns), stored(checked)
    if before is not None:
        known.updated_at = await session.scalar(func.now().select())
    await record(
        session,
        "imports.mapping.save",
        Subject("import_mapping", known.id),
        before=before,
        after={"target": target, "name": name, "columns": known.columns, "options": known.options},
    )
    return known


@command("imports.mapping.delete", "删除列映射", "Delete a mapping", permission=RECORDS_IMPORT)
async def delete_mapping(session: WriteSession, target: str, name: str) -> None:
    """Delete a saved mapping. Raises MappingNotFound."""
    known = await session.find(ImportMapping, ImportMapping.target == target, ImportMapping.name == name, lock=True)
    if known is None:
        raise MappingNotFound(name=name[:100])
    before = {"target": target, "name": name, "columns": known.columns}
    await record(session, "imports.mapping.delete", Subject("import_mapping", known.id), before=before)
    await session.delete(known)
