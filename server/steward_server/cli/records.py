"""`steward record`: the records of industry forms, and the forms themselves."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from steward_core.forms.description import field_by_name, json_schema
from steward_core.forms.form import Form, SubjectKind
from steward_core.forms.models import FormRecord
from steward_core.forms.queries import (
    RecordFilter,
    RecordLine,
    RecordsPage,
    RecordsQuery,
    RevisionLine,
    record_of,
    records_page,
    reveal_record,
    revisions_of,
)
from steward_core.forms.service import move_record, save_draft, save_record
from steward_core.forms.states import moves_from, state_of
from steward_core.forms.workbook import template
from steward_core.industry.enabled import enabled_form
from steward_core.industry.overview import contributions
from steward_core.industry.registry import form_of
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain, settled
from steward_server.cli.field_words import (
    CUSTOM,
    Condition,
    FieldWords,
    Where,
    conditions,
    custom_values_of,
    from_file,
    kind_of_field,
    kinds_of_custom,
    values_of,
)
from steward_server.cli.naming import CLIENT, CLIENT_HELP, NOTHING, PERSON, UNIT, NameOf, as_id, named
from steward_server.cli.options import Cursor, ReasonIfAny, Reveal, Since, Size, Until, moment_of
from steward_server.cli.output import FAILED, AsJson, both, say, show, show_page
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, TenantSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="业务表单。Records of forms.", rich_markup_mode=None)


class Language(StrEnum):
    """The languages of a schema's titles."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


FormKey = Annotated[str, typer.Argument(metavar="FORM", help="表单，见 record forms。A key of `record forms`.")]
RecordId = Annotated[UUID, typer.Argument(metavar="RECORD", help="记录编号。Id of a record.")]
Version = Annotated[int | None, typer.Option("--expected-version", help="读到的版本。The version that was read.")]
SUBJECTS: dict[SubjectKind, NameOf] = {
    SubjectKind.CLIENT: CLIENT,
    SubjectKind.USER: PERSON,
    SubjectKind.UNIT: UNIT,
}
"""What names the subject of a record; contacts have ids only."""
_IN_LISTS = ("title", "state", "subject_kind", "period", "created_at", "version", "id")
_LONG = ("document", "computed", "custom")


@app.command("forms")
def list_forms(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List the forms of the enabled plugins. 例 example: steward record forms huaxin --login chen.li@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [_form(one.key, one.what) for one in (await contributions(session))["forms"]]

    show(reading(tenant, login, task), as_json=as_json)


def _form(key: str, form: type[Form]) -> dict[str, Any]:
    about = form.about
    return {
        "form": key,
        "title": both(about.title),
        "version": about.version,
        "subject": about.subject.value,
        "several": about.several.value,
        "by_people": about.by_people,
        "states": [state.key for state in about.flow.states],
        "filterable": [one.name for one in field_by_name(form).values() if one.filterable],
    }


@app.command("schema")
def schema(
    tenant: TenantKey,
    form: FormKey,
    login: Login,
    locale: Annotated[Language, typer.Option(help="标题的语言。Language of titles.")] = Language.CHINESE,
) -> None:
    """Print a form as JSON Schema 2020-12. 例 example: steward record schema huaxin telecom.vpn_group --locale en
    --login chen.li@huaxin.example"""
    known = reading(tenant, login, lambda session, _who: _usable(session, form))
    print(json.dumps(json_schema(known, locale.value), ensure_ascii=False, indent=2))


async def _usable(session: TenantSession, form: str) -> type[Form]:
    return (await enabled_form(session, form))[1]


@app.command("template")
def write_template(
    tenant: TenantKey,
    form: FormKey,
    file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="写到哪里。Where to write it.")],
    login: Login,
) -> None:
    """Write an Excel file to fill in, one row for each record. 例 example: steward record template huaxin
    telecom.vpn_group vpn.xlsx --login chen.li@huaxin.example"""
    content = template(reading(tenant, login, lambda session, _who: _usable(session, form)))
    try:
        file.write_bytes(content)
    except OSError as error:
        say(f"无法写入文件：{file}。 The file cannot be written: {error.strerror}.")
        raise typer.Exit(FAILED) from None
    say(f"{file}: {len(content)} bytes")


@app.command("list")
def list_records(
    tenant: TenantKey,
    form: FormKey,
    login: Login,
    where: Where = None,
    state: Annotated[list[str] | None, typer.Option(help="状态，可多次。May be repeated.")] = None,
    client: Annotated[str | None, typer.Option(help=CLIENT_HELP)] = None,
    period: Annotated[str | None, typer.Option(help="期间，如 2026Q4。A period.")] = None,
    since: Since = None,
    until: Until = None,
    order: Annotated[
        str, typer.Option(help="按 created 或可筛选字段排序。By `created` or a filterable field.")
    ] = "created",
    ascending: Annotated[bool, typer.Option("--ascending", help="从小到大。The least first.")] = False,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List a form's records, the latest first. 例 example: steward record list huaxin telecom.vpn_group --state filed
    --where members_now:ge:10 --login chen.li@huaxin.example"""
    asked = conditions(where)

    async def task(session: ReadSession, who: Acting) -> RecordsPage:
        query = RecordsQuery(
            filters=await _filters(session, form, asked),
            states=frozenset(state or ()),
            client_id=await named(session, CLIENT, client) if client else None,
            period=period,
            created_from=moment_of(since, who.tenant.time_zone),
            created_until=moment_of(until, who.tenant.time_zone),
            sort=order,
            descending=not ascending,
            limit=size,
            after=cursor,
        )
        return await records_page(session, form, query, today=who.today)

    page = reading(tenant, login, task)
    show_page([_listed(line, as_json) for line in page.records], page.next_cursor, as_json=as_json)


async def _filters(session: TenantSession, form: str, asked: list[Condition]) -> tuple[RecordFilter, ...]:
    if not asked:
        return ()
    fields = field_by_name(form_of(form))
    own = await kinds_of_custom(session, f"form:{form}")
    found = []
    for one in asked:
        key = one.field.removeprefix(CUSTOM)
        kind = own.get(key) if key != one.field else kind_of_field(fields.get(key))
        found.append(RecordFilter(one.field, one.op, one.value(kind)))
    return tuple(found)


def _listed(line: RecordLine, as_json: bool) -> dict[str, Any]:
    return _json(line) if as_json else {name: plain(getattr(line, name)) for name in _IN_LISTS}


def _json(line: RecordLine) -> dict[str, Any]:
    return {**plain(line), "revealed": sorted(line.revealed)}


@app.command("show")
def show_record(
    tenant: TenantKey, record: RecordId, login: Login, reveal: Reveal = False, as_json: AsJson = False
) -> None:
    """Show one record. 例 example: steward record show huaxin 0190… --reveal --login chen.li@huaxin.example"""

    async def masked(session: ReadSession, who: Acting) -> RecordLine:
        return await record_of(session, record, today=who.today)

    async def unmasked(session: WriteSession, who: Acting) -> RecordLine:
        return await reveal_record(session, record, today=who.today)

    line = writing(tenant, login, unmasked) if reveal else reading(tenant, login, masked)
    if as_json:
        show([_json(line)], as_json=True)
        return
    form = form_of(line.form)
    state = state_of(form, line.state)
    facts = {name: plain(getattr(line, name)) for name in (*_IN_LISTS, "form", "form_version", "subject_id")}
    moves = ", ".join(f"{move.key} {both(move.title)}" for move in moves_from(form, line.state))
    rows = [(name, "", value) for name, value in {**facts, "state": both(state.title), "moves": moves}.items()]
    fields = field_by_name(form)
    for part in _LONG:
        for name, value in getattr(line, part).items():
            title = both(fields[name].title) if name in fields else part
            rows.append((name, title, _text(value)))
    show([{"field": name, "title": title, "value": value} for name, title, value in rows], as_json=False)


def _text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else value


@app.command("revisions")
def revisions(
    tenant: TenantKey,
    record: RecordId,
    login: Login,
    size: Size = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List what a record was before each change, the latest first.

    例 example: steward record revisions huaxin 0190… --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> list[RevisionLine]:
        before = int(cursor) if cursor and cursor.isdecimal() else None
        return await revisions_of(session, record, today=who.today, limit=size, before=before)

    lines = reading(tenant, login, task)
    rows = [plain(line) for line in lines]
    if not as_json:
        rows = [{**row, **{part: _text(row[part]) for part in _LONG}} for row in rows]
    more = len(lines) == size and lines[-1].revision > 1
    show_page(rows, str(lines[-1].revision) if more else None, as_json=as_json)


@app.command("save")
def save(
    tenant: TenantKey,
    form: FormKey,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT",
            help="客户编码、登录名、部门编码或编号。Client's code, person's login, unit's code, or an id.",
        ),
    ],
    login: Login,
    words: FieldWords = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="含全部字段的 JSON 文件。A JSON file with all fields.")
    ] = None,
    record: Annotated[
        UUID | None, typer.Option("--record", help="修改此记录：未给出的字段不变。Change this record's given fields.")
    ] = None,
    period: Annotated[str | None, typer.Option(help="期间，如 2026Q4。A period.")] = None,
    state: Annotated[str | None, typer.Option(help="保存后的状态。The state to save it in.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="只存草稿。As a draft.")] = False,
    expected_version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Fill a form in, or change a record. `custom.<key>=value` gives the tenant's own fields.

    例 example: steward record save huaxin telecom.vpn_group K001 group_number=8001 --login zhao.ning@huaxin.example
    """
    given = from_file(file) if file else None
    own = [word.removeprefix(CUSTOM) for word in words or () if word.startswith(CUSTOM)]
    plain_words = [word for word in words or () if not word.startswith(CUSTOM)]

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        known = await _usable(session, form)
        custom = custom_values_of(own, await kinds_of_custom(session, f"form:{form}")) if own else None
        before = await _document(session, record, who) if record and given is None else given or {}
        values = {**before, **values_of(plain_words, known)}
        places: dict[str, Any] = {
            "period": period,
            "record_id": record,
            "expected_version": expected_version,
            "custom": custom,
        }
        subject_id = await _subject(session, known, subject)
        if draft:
            saved = await save_draft(session, form, subject_id, values, today=who.today, **places)
        else:
            saved = await save_record(session, form, subject_id, values, today=who.today, state=state, **places)
        return await _saved(session, saved, who)

    show([_brief(writing(tenant, login, task), as_json)], as_json=as_json)


async def _document(session: TenantSession, record: UUID, who: Acting) -> dict[str, Any]:
    """What a record holds, masked: a mask that comes back keeps what is behind it."""
    return dict((await record_of(session, record, today=who.today)).document)


async def _subject(session: TenantSession, form: type[Form], text: str) -> UUID:
    kind = SUBJECTS.get(form.about.subject)
    return as_id(text) or NOTHING if kind is None else await named(session, kind, text)


async def _saved(session: WriteSession, saved: FormRecord, who: Acting) -> dict[str, Any]:
    await settled(session, saved)
    return _json(await record_of(session, saved.id, today=who.today))


def _brief(row: dict[str, Any], as_json: bool) -> dict[str, Any]:
    return row if as_json else {name: row[name] for name in _IN_LISTS}


@app.command("move")
def move(
    tenant: TenantKey,
    record: RecordId,
    name: Annotated[str, typer.Argument(metavar="MOVE", help="流转动作，如 submit。A move such as submit.")],
    login: Login,
    reason: ReasonIfAny = None,
    expected_version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Take a record to another state. 例 example: steward record move huaxin 0190… approve --login
    chen.li@huaxin.example"""

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        moved = await move_record(
            session, record, name, today=who.today, reason=reason, expected_version=expected_version
        )
        return await _saved(session, moved, who)

    show([_brief(writing(tenant, login, task), as_json)], as_json=as_json)
