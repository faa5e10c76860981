"""Importing records of an industry form: new ones, and those that are known by their subject and slot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, func, select

from steward_core.clients.models import Client, ClientStatus, Contact
from steward_core.custom_fields.index import entries_of_custom
from steward_core.custom_fields.service import merged_values
from steward_core.database.bulk import insert_many, update_many
from steward_core.forms.bulk import NewRecords, insert_records
from steward_core.forms.declared import fields_of
from steward_core.forms.documents import Filled, prepare_documents, title_of
from steward_core.forms.errors import MoveRefused
from steward_core.forms.form import Form, Several, SubjectKind
from steward_core.forms.indexing import custom_target, entries, fields_here, replace_entries
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.states import state_after_save, state_of
from steward_core.forms.subjects import checked_period, slot_of
from steward_core.forms.workbook import PERIOD_COLUMN, parse_row, template_columns
from steward_core.imports import fields as kinds
from steward_core.imports.client_fields import custom_import_fields
from steward_core.imports.fields import ImportField, problem
from steward_core.imports.plans import ImportRow
from steward_core.imports.references import among, find_clients, people, units_by_code, unknown
from steward_core.imports.work import CREATED, UPDATED, Work, given, table_of
from steward_core.industry.dispatcher import check_records
from steward_core.permissions import FORMS_EDIT
from steward_core.spreadsheets.values import is_blank
from steward_core.spreadsheets.writers import ColumnKind
from steward_core.visits.models import Visit
from steward_core.visits.row_kinds import VISIT
from steward_tenants.access.row_kinds import PERSON, UNIT
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.models import User

SUBJECTS = {
    "subject.client_code": "client",
    "subject.contact_name": "contact",
    "subject.login": "login",
    "subject.unit_code": "unit",
    "subject.visit_id": "visit",
}
"""What the templates call the columns that say whose record it is → the keys of their fields here."""
PERIOD = "period"
_KINDS = {"integer": ColumnKind.NUMBER, "decimal": ColumnKind.NUMBER, "percent": ColumnKind.NUMBER,
          "money": ColumnKind.MONEY, "date": ColumnKind.DATE, "boolean": ColumnKind.BOOLEAN}  # fmt: skip


async def form_fields(
    session: TenantSession, form: type[Form], full_key: str, wanted: Collection[str], zone: tzinfo
) -> tuple[ImportField, ...]:
    """The fields of a form as its template has them, nested ones that are wanted, and the tenant's own."""
    fields = []
    for column in template_columns(form):
        key = SUBJECTS.get(column.name, PERIOD if column.name == PERIOD_COLUMN else column.name)
        headers = column.field.text.headers if column.field and column.field.text else ()
        fields.append(
            ImportField(
                key,
                column.title,
                kinds.code(200) if column.field is None else _reader(form, column.name, zone),
                aliases=(column.heading, column.name, *headers),
                required=column.required,
                kind=_KINDS.get(column.field.type.value, ColumnKind.TEXT) if column.field else ColumnKind.TEXT,
                choices=tuple(option.title.zh for option in column.field.choices) if column.field else (),
                masked=column.field.text.masked if column.field and column.field.text else None,
            )
        )
    nested = (one for one in fields_of(form) if one.name in wanted and not one.computed)
    taken = {one.key for one in fields}
    fields += [ImportField(one.name, one.title, _no_cell) for one in nested if one.name not in taken]
    return (*fields, *await custom_import_fields(session, custom_target(full_key)))


def _identifier(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _no_cell(cell: Any, path: tuple[str, ...]) -> Any:
    """Rows and groups come as such, from memory only: no cell can hold them."""
    if isinstance(cell, list | tuple | dict):
        return cell
    if is_blank(cell):
        return None
    return problem(path, "nested", "单元格无法填写此字段。", "No cell can hold this field.")


def _reader(form: type[Form], name: str, zone: tzinfo) -> kinds.Read:
    def read(cell: Any, path: tuple[str, ...]) -> Any:
        if isinstance(cell, list | tuple | dict):
            return cell
        parsed = parse_row(form, [name], [cell], zone=zone)
        if parsed.problems:
            return FieldProblem(path, parsed.problems[0].code, parsed.problems[0].message)
        return parsed.values.get(name)

    return read


class FormWork(Work):
    """See the module. A record of a form that allows many of a subject is always new, unless the batch is repeated:
    then one with the same document is the same."""

    def __init__(self, session: Any, plan: Any, form: type[Form], full_key: str, **more: Any) -> None:
        super().__init__(session, plan, **more)
        self.form = form
        self.full_key = full_key

    def key_of(self, row: ImportRow) -> str | None:
        """Subject and slot; forms that allow many have none."""
        about = self.form.about
        if about.several is Several.MANY:
            return None
        parts = [row.values.get(key) for key in SUBJECTS.values()]
        if about.several is Several.PERIOD:
            parts.append(row.values.get(PERIOD))
        elif about.slot_field is not None:
            parts.append(row.values.get(about.slot_field))
        return "\x1f".join(str(part) for part in parts)

    async def resolve(self, rows: Sequence[ImportRow]) -> None:
        """Find the subjects, validate the documents, compare with the records there are."""
        subjects = await self._subjects(rows)
        names = {name for name in self.plan.fields if not self._is_own(name)}
        documents = [
            {name: value for name, value in row.values.items() if name in names and value is not None} for row in rows
        ]
        existing = await self._existing([subject for subject, _ in subjects.values()])
        customs = await fields_here(self.session, self.full_key)
        for place, row in enumerate(rows):
            if row.number in subjects:
                documents[place] = self._laid_over(row, documents[place], subjects[row.number][0], existing)
        prepared = prepare_documents(self.form, documents)
        for place, row in enumerate(rows):
            known_paths = {one.path for one in row.problems}
            row.problems += [one for one in prepared.problems.get(place, ()) if one.path not in known_paths]
            filled = prepared.filled.get(place)
            if filled is not None and row.number in subjects:
                self._compare(row, filled, subjects[row.number], existing, customs)
        await self._ask_plugin([row for row in rows if not row.problems and row.changes])
        for row in rows:
            await self.settle(row, exists=row.known is not None, changed=bool(row.changes))

    async def apply(self, rows: Sequence[ImportRow]) -> None:
        """Insert new records; change others, keeping what they were as a revision."""
        for row in rows:
            if row.known is not None:
                row.row_id, row.after_version = row.known["id"], row.known["version"]
        await self._insert([row for row in rows if row.outcome == CREATED])
        await self._update([row for row in rows if row.outcome == UPDATED])

    def _is_own(self, name: str) -> bool:
        return name in (*SUBJECTS.values(), PERIOD) or name.startswith("custom.")

    async def _subjects(self, rows: Sequence[ImportRow]) -> dict[int, tuple[UUID, UUID | None]]:
        """Subject and client of each row, by row number."""
        kind = self.form.about.subject
        if kind in (SubjectKind.CLIENT, SubjectKind.CONTACT):
            clients = await find_clients(self.session, rows, FORMS_EDIT, self.today, hold=self.lock)
            if kind is SubjectKind.CLIENT:
                return {number: (client_id, client_id) for number, client_id in clients.items()}
            return await self._contacts(rows, clients)
        if kind is SubjectKind.VISIT:
            return await self._visits(rows)
        key = "login" if kind is SubjectKind.USER else "unit"
        names = given(rows, key)
        ids = (
            {name: person.id for name, person in (await people(self.session, names)).items()}
            if kind is SubjectKind.USER
            else await units_by_code(self.session, names)
        )
        row_kind = PERSON if kind is SubjectKind.USER else UNIT
        table: Any = row_kind.table
        reached = set(
            await self.session.scalars(
                select(table.id).where(
                    self.session.within(table),
                    among(table.id, list(ids.values()), Uuid()),
                    row_kind.within_reach(self.session, FORMS_EDIT, self.today),
                )
            )
        )
        found: dict[int, tuple[UUID, UUID | None]] = {}
        for row in rows:
            subject = ids.get(row.values.get(key) or "")
            if subject in reached and subject is not None:
                found[row.number] = (subject, None)
            else:
                row.problems.append(unknown(key, row.values.get(key) or "", "对象", "subject"))
        return found

    async def _visits(self, rows: Sequence[ImportRow]) -> dict[int, tuple[UUID, UUID | None]]:
        statement = (
            select(Visit.id, Client.id)
            .join(Client, (Client.id == Visit.client_id) & self.session.within(Client))
            .where(
                self.session.within(Visit),
                among(Visit.id, [one for one in map(_identifier, given(rows, "visit")) if one is not None], Uuid()),
                VISIT.within_reach(self.session, FORMS_EDIT, self.today),
                Client.status != ClientStatus.MERGED,
            )
        )
        if self.lock:
            statement = statement.with_for_update(read=True, key_share=True, of=Client)
        known = {row[0]: (row[0], row[1]) for row in await self.session.rows(statement)}
        found: dict[int, tuple[UUID, UUID | None]] = {}
        for row in rows:
            visit_id = _identifier(row.values.get("visit"))
            visit = None if visit_id is None else known.get(visit_id)
            if visit is None:
                row.problems.append(unknown("visit", row.values.get("visit") or "", "走访", "visit"))
            else:
                found[row.number] = visit
        return found

    async def _contacts(
        self, rows: Sequence[ImportRow], clients: Mapping[int, UUID]
    ) -> dict[int, tuple[UUID, UUID | None]]:
        ids = sorted(set(clients.values()))
        found = await self.session.rows(
            select(Contact.client_id, Contact.name, Contact.id)
            .where(self.session.within(Contact), among(Contact.client_id, ids, Uuid()), Contact.left_on.is_(None))
            .order_by(Contact.id.desc())
        )
        known = {(row[0], row[1]): row[2] for row in found}
        subjects: dict[int, tuple[UUID, UUID | None]] = {}
        for row in rows:
            if row.number not in clients:
                continue
            contact = known.get((clients[row.number], row.values.get("contact")))
            if contact is None:
                row.problems.append(unknown("contact", row.values.get("contact") or "", "联系人", "contact"))
            else:
                subjects[row.number] = (contact, clients[row.number])
        return subjects

    async def _existing(self, subjects: Sequence[UUID]) -> dict[tuple[UUID, str | None], list[Any]]:
        if not subjects:
            return {}
        table = table_of(FormRecord)
        statement = (
            select(table)
            .where(
                self.session.within(table),
                table.c.form == self.full_key,
                among(table.c.subject_id, sorted(set(subjects)), Uuid()),
            )
            .order_by(table.c.id)
        )
        if self.lock:
            statement = statement.with_for_update()
        found: dict[tuple[UUID, str | None], list[Any]] = {}
        for row in await self.session.rows(statement):
            found.setdefault((row.subject_id, row.slot), []).append(row._mapping)
        return found

    def _laid_over(
        self, row: ImportRow, document: dict[str, Any], subject_id: UUID, existing: Mapping[Any, Any]
    ) -> dict[str, Any]:
        """The document with what a known record has of the fields that the file leaves out."""
        try:
            slot = self._slot(row, document)
        except InvalidInput:
            return document
        found = existing.get((subject_id, slot), []) if slot is not None else []
        return {**found[0]["document"], **document} if found else document

    def _slot(self, row: ImportRow, document: Mapping[str, Any]) -> str | None:
        if self.form.about.several is Several.FIELD:
            value = document.get(self.form.about.slot_field or "")
            return None if value is None else str(value)
        return slot_of(self.form, document, {}, row.values.get(PERIOD))

    def _compare(
        self, row: ImportRow, filled: Filled, subject: tuple[UUID, UUID | None], existing: Mapping[Any, Any],
        customs: Any,
    ) -> None:  # fmt: skip
        try:
            period = checked_period(self.form, row.values.get(PERIOD))
            slot = slot_of(self.form, filled.document, filled.computed, period)
            custom = self._custom(row, customs)
        except InvalidInput as refused:
            row.problems.extend(refused.problems)
            return
        found = existing.get((subject[0], slot), [])
        if slot is None:
            row.known = next((one for one in found if one["document"] == filled.document), None)
        elif found:
            row.known = found[0]
        if row.known is not None and row.known["document"] == filled.document and custom == row.known["custom"]:
            return
        if row.known is not None and not state_of(self.form, row.known["state"]).editable:
            row.problems.append(
                problem((), "not_editable", "该记录当前状态不可修改。", "The record cannot be changed in its state.")
            )
            return
        row.changes = {
            "filled": filled, "subject": subject, "slot": slot, "period": period, "custom": custom,
            "state": self._state(row),
        }  # fmt: skip

    def _state(self, row: ImportRow) -> str:
        before = self.form.about.flow.initial if row.known is None else state_of(self.form, row.known["state"])
        try:
            return state_after_save(self.form, before, self.plan.options.form_state).key
        except MoveRefused as refused:
            row.problems.append(FieldProblem(("form_state",), refused.code, refused.text))
            return before.key

    def _custom(self, row: ImportRow, customs: Any) -> dict[str, Any]:
        values = {key.removeprefix("custom."): value for key, value in row.values.items() if key.startswith("custom.")}
        values = {key: value for key, value in values.items() if value is not None}
        return merged_values(customs, values, existing=None if row.known is None else row.known["custom"])

    async def _ask_plugin(self, rows: Sequence[ImportRow]) -> None:
        ids = sorted({row.changes["subject"][1] for row in rows if row.changes["subject"][1] is not None})
        clients: dict[UUID, Any] = {}
        if ids:
            table = table_of(Client)
            statement = select(table).where(self.session.within(table), among(table.c.id, ids, Uuid()))
            clients = {row.id: dict(row._mapping) for row in await self.session.rows(statement)}
        asked = [(row.changes["filled"].values, clients.get(row.changes["subject"][1])) for row in rows]
        for row, problems in zip(rows, await check_records(self.session, self.full_key, asked), strict=True):
            row.problems.extend(problems)

    async def _insert(self, rows: Sequence[ImportRow]) -> None:
        owners = await self._owners(rows)
        by_state: dict[str, list[ImportRow]] = {}
        for row in rows:
            row.row_id, row.after_version = new_id(), 1
            by_state.setdefault(row.changes["state"], []).append(row)
        subject = self.form.about.subject
        for state, some in by_state.items():
            subjects = [row.changes["subject"] for row in some]
            await insert_records(
                self.writing,
                self.form,
                self.full_key,
                NewRecords(
                    subject_ids=[one[0] for one in subjects],
                    documents=[row.changes["filled"].document for row in some],
                    computed=[row.changes["filled"].computed for row in some],
                    state=state,
                    client_ids=[one[1] for one in subjects],
                    owner_ids=[one[0] if subject is SubjectKind.USER else None for one in subjects],
                    unit_ids=[one[0] if subject is SubjectKind.UNIT else owners.get(one[0]) for one in subjects],
                    slots=[row.changes["slot"] for row in some],
                    periods=[row.changes["period"] for row in some],
                    custom=[row.changes["custom"] for row in some],
                    ids=[row.row_id for row in some if row.row_id is not None],
                ),
            )

    async def _owners(self, rows: Sequence[ImportRow]) -> dict[UUID, UUID | None]:
        if self.form.about.subject is not SubjectKind.USER or not rows:
            return {}
        ids = sorted({row.changes["subject"][0] for row in rows})
        found = await self.session.rows(
            select(User.id, User.unit_id).where(self.session.within(User), among(User.id, ids, Uuid()))
        )
        return {row[0]: row[1] for row in found}

    async def _update(self, rows: Sequence[ImportRow]) -> None:
        if not rows:
            return
        actor_id = self.session.actor.id
        known = [row.known for row in rows]
        await insert_many(
            self.writing,
            FormRevision,
            {
                "record_id": [one["id"] for one in known],
                "revision": [one["version"] for one in known],
                **{name: [one[name] for one in known] for name in
                   ("form_version", "state", "document", "computed", "custom")},
                "cause": ["import"] * len(rows),
                "replaced_by": [actor_id] * len(rows),
            },
        )  # fmt: skip
        for row in rows:
            row.before = {
                name: row.known[name] for name in ("form_version", "state", "document", "computed", "custom", "title")
            }
            row.after_version = row.known["version"] + 1
        await update_many(
            self.writing,
            FormRecord,
            {"id": [one["id"] for one in known]},
            {
                "form_version": [self.form.about.version] * len(rows),
                "state": [row.changes["state"] for row in rows],
                "document": [row.changes["filled"].document for row in rows],
                "computed": [row.changes["filled"].computed for row in rows],
                "custom": [row.changes["custom"] for row in rows],
                "title": [
                    title_of(self.form, row.changes["filled"].document, row.changes["filled"].computed,
                             row.changes["period"])
                    for row in rows
                ],
            },
            also={"version": FormRecord.version + 1, "updated_at": func.now(), "updated_by": actor_id},
        )  # fmt: skip
        own = await fields_here(self.session, self.full_key)
        await reindex(self.writing, self.form, self.full_key, own, [
            (one["id"], row.changes["filled"].document, row.changes["filled"].computed, row.changes["custom"])
            for one, row in zip(known, rows, strict=True)
        ])  # fmt: skip


async def reindex(session: Any, form: type[Form], full_key: str, own: Any, records: Sequence[tuple[Any, ...]]) -> None:
    """Write the index entries of records (id, document, computed, custom) anew."""

    found = []
    for record_id, document, computed, custom in records:
        found += entries(form, full_key, record_id, document, computed)
        found += entries_of_custom(own, full_key, record_id, custom)
    await replace_entries(session, found, [record[0] for record in records])
