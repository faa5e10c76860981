"""Importing clients: recognised by code, credit code or name; written a chunk at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client, ClientStatus
from steward_core.clients.policies import policies_in_force
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import CLIENT_FIELDS, PLACE_HALVED, STATUS_TITLES, status_move_allowed
from steward_core.clients.search import keys_for_client
from steward_core.custom_fields.service import fields_of as custom_fields_of
from steward_core.custom_fields.service import merged_values
from steward_core.imports.client_fields import CONTACT_PREFIX
from steward_core.imports.client_writes import write_changed, write_created
from steward_core.imports.facts import (
    FactColumn,
    Figure,
    as_stored,
    blank_warning,
    differs,
    fact_columns,
    figure_of,
    place_of,
    standing,
    take_turns,
    write_figures,
)
from steward_core.imports.fields import missing, problem
from steward_core.imports.hanging import CONTACTS, HangingWork
from steward_core.imports.plans import ImportRow
from steward_core.imports.references import FoundPerson, among, people, reach_of, units_by_code, unknown
from steward_core.imports.work import CREATED, REFUSED, UNCHANGED, UPDATED, Work, given, table_of
from steward_core.industry.dispatcher import check_clients
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_EDIT, CLIENTS_TIER, FACTS_RECORD
from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import NOBODY, ActorKind
from steward_tenants.errors import InvalidInput

COLUMNS = (
    *CLIENT_FIELDS,
    "tier",
    "status",
    "basic_confirmed_on",
    "personal_confirmed_on",
    "last_activity_on",
)
"""Fields of the target that are columns of the client as they stand."""
_PAST = frozenset({"basic_confirmed_on", "personal_confirmed_on", "last_activity_on"})
_MATCHES = ("code", "credit_code", "name")


class ClientWork(Work):
    """See the module. A row may bring one contact (`contact.…`) and figures (`fact.…`) of its client."""

    ordered: ClassVar[bool] = True

    @property
    def match(self) -> str:
        """The field by which rows are recognised. Raises InvalidInput."""
        chosen = self.plan.options.match
        mapped = self.plan.mapped or frozenset(_MATCHES)
        if chosen is None:
            chosen = next((key for key in _MATCHES if key in mapped), "code")
        if chosen not in _MATCHES:
            raise InvalidInput(
                problems=[problem(("options", "match"), "unknown", "应为 code、credit_code 或 name。",
                                  "Use code, credit_code or name.")]
            )  # fmt: skip
        return chosen

    def key_of(self, row: ImportRow) -> str | None:
        """The value of the field that rows are recognised by."""
        value = row.values.get(self.match)
        return None if value is None else str(value)

    def unique_of(self, row: ImportRow) -> str | None:
        """The code, where rows are recognised by something else."""
        return row.values.get("code") if self.match != "code" else None

    def prepare(self, row: ImportRow) -> None:
        """The search keys of a new client: they take longer than anything else of it."""
        if row.values.get("name") is not None and not row.problems:
            row.keys = keys_for_client(NOBODY, row.values).keys

    async def resolve(self, rows: Sequence[ImportRow]) -> None:
        """Find the clients, the people and units that rows name, and compare."""
        match = self.match
        existing = await self._existing(match, given(rows, match))
        codes = await self._taken_codes(rows) if match != "code" else {}
        units = await units_by_code(self.session, given(rows, "unit"))
        named = await people(self.session, {*given(rows, "owner"), *given(rows, "deputy")})
        code_required = (await policies_in_force(self.session)).code_required
        customs = await custom_fields_of(self.session, "client")
        for row in rows:
            self._recognise(row, match, existing, codes)
            places = self._places(row, units, named)
            self._custom(row, customs)
            self._compare(row, places)
            if row.known is None and code_required and row.values.get("code") is None:
                row.problems.append(missing("code"))
        await self._check_reach(rows)
        await self._check_with_plugins(rows)
        for row in rows:
            await self.settle(row, exists=row.known is not None, changed=bool(row.changes))
        self._settle_parents(rows)
        await self._resolve_contacts(rows)
        await self._resolve_facts(rows)

    async def apply(self, rows: Sequence[ImportRow]) -> None:
        """Write new clients, changed ones, their contacts and figures."""
        created = [row for row in rows if row.outcome == CREATED]
        for row in rows:
            if row.known is not None:
                row.row_id, row.after_version = row.known["id"], row.known["version"]
                if row.parent_code is not None and row.outcome == UPDATED:
                    # Written by the second pass; named here so that version and former value are those of this row.
                    row.changes.setdefault("parent_id", row.known["parent_id"])
        changed = [row for row in rows if row.outcome == UPDATED and row.changes]
        await write_created(self.writing, created, today=self.today)
        await write_changed(self.writing, changed, today=self.today, batch_id=self.batch_id)
        await self._apply_contacts(rows)
        await self._apply_facts(rows)

    # -- recognising and comparing

    async def _existing(self, match: str, keys: Sequence[str]) -> dict[str, list[Any]]:
        if not keys:
            return {}
        parent = aliased(Client)
        reached = CLIENT.within_reach(self.session, CLIENTS_EDIT, self.today).label("reached")
        statement = (
            select(*table_of(Client).c, reached, parent.code.label("parent_code"))
            .outerjoin(parent, and_(self.session.within(parent), parent.id == Client.parent_id))
            .where(self.session.within(Client), among(getattr(Client, match), keys))
        )
        if self.lock:
            statement = statement.order_by(Client.id).with_for_update(of=Client, key_share=True)
        found: dict[str, list[Any]] = {}
        for row in await self.session.rows(statement):
            found.setdefault(getattr(row, match), []).append(row._mapping)
        return found

    async def _taken_codes(self, rows: Sequence[ImportRow]) -> dict[str, UUID]:
        codes = given(rows, "code")
        if not codes:
            return {}
        found = await self.session.rows(
            select(Client.code, Client.id).where(self.session.within(Client), among(Client.code, codes))
        )
        return {row[0]: row[1] for row in found}

    def _recognise(self, row: ImportRow, match: str, existing: Mapping[str, Any], codes: Mapping[str, UUID]) -> None:
        key = row.values.get(match)
        if key is None:
            if not any(one.path == (match,) for one in row.problems):
                row.problems.append(missing(match))
            return
        found = existing.get(key, [])
        usable = [one for one in found if one["status"] != ClientStatus.MERGED]
        if match == "code" and found and not usable:
            row.problems.append(problem(match, "client_is_merged", "该客户已被合并。", "The client was merged."))
        elif len(usable) > 1:
            row.problems.append(problem(match, "ambiguous", "有多个客户与之相符。", "Several clients fit."))
        elif usable and not usable[0]["reached"]:
            zh, en = "该客户已存在，但不在您的数据范围内。", "It is taken by a client outside your scope."
            row.problems.append(problem(match, "taken", zh, en))
        elif usable:
            row.known = usable[0]
        code = row.values.get("code")
        if code is not None and code in codes and (row.known is None or row.known["id"] != codes[code]):
            row.problems.append(problem("code", "taken", "该客户编码已被使用。", "The code is taken."))

    def _places(
        self, row: ImportRow, units: Mapping[str, UUID], named: Mapping[str, FoundPerson]
    ) -> dict[str, UUID | None]:
        """Owner, unit and deputy as ids, where the row gives them."""
        places: dict[str, UUID | None] = {}
        unit = row.values.get("unit")
        if unit is not None:
            if unit in units:
                places["unit_id"] = units[unit]
            else:
                row.problems.append(unknown("unit", unit, "部门", "unit"))
        for field, column in (("owner", "owner_id"), ("deputy", "deputy_id")):
            name = row.values.get(field)
            if name is None:
                continue
            if name not in named:
                row.problems.append(unknown(field, name, "人员", "person"))
                continue
            places[column] = named[name].id
            if column == "owner_id" and unit is None and row.known is None:
                places["unit_id"] = named[name].unit_id
        return places

    def _custom(self, row: ImportRow, customs: Any) -> None:
        given_here = {
            key.removeprefix("custom."): value
            for key, value in row.values.items()
            if key.startswith("custom.") and (value is not None or self.plan.options.blank == "clear")
        }
        existing = None if row.known is None else row.known["custom"]
        if not given_here and (existing is not None or not any(one.rules.get("required") for one in customs)):
            return
        try:
            merged = merged_values(customs, given_here, existing=existing)
        except InvalidInput as refused:
            known = {one.path for one in row.problems}
            row.problems.extend(one for one in refused.problems if one.path not in known)
        else:
            if merged != (existing or {}):
                row.changes["custom"] = merged

    def _compare(self, row: ImportRow, places: Mapping[str, UUID | None]) -> None:
        existing = row.known
        clear = self.plan.options.blank == "clear"
        for name in COLUMNS:
            if name not in row.values:
                continue
            value = row.values[name]
            if name in _PAST and value is not None and value > self.today:
                row.problems.append(problem(name, "future", "日期不能晚于今天。", "The day cannot be to come."))
            before = None if existing is None else existing[name]
            if value == before or (value is None and (not clear or name in ("name", "kind", "status"))):
                continue
            row.changes[name] = value
        for column, value in places.items():
            if existing is None or existing[column] != value:
                row.changes[column] = value
        if existing is None:
            self._complete(row)
        elif "status" in row.changes and not status_move_allowed(existing["status"], row.changes["status"]):
            before_title, after_title = (STATUS_TITLES[ClientStatus(one)] for one in
                                         (existing["status"], row.changes["status"]))  # fmt: skip
            row.problems.append(
                problem("status", "status_move", f"不能从“{before_title.zh}”变为“{after_title.zh}”。",
                        f"It cannot go from {before_title.en} to {after_title.en}.")
            )  # fmt: skip
        after = {} if existing is None else existing
        halves = [row.changes.get(name, after.get(name)) is None for name in ("latitude", "longitude")]
        if halves[0] != halves[1]:
            row.problems.append(PLACE_HALVED)
        pair = [row.changes.get(name, after.get(name)) for name in ("owner_id", "deputy_id")]
        if pair[0] is not None and pair[0] == pair[1]:
            row.problems.append(problem("deputy", "same", "B角不能与客户经理相同。", "It is the owner already."))
        self._check_rights(row)

    def _complete(self, row: ImportRow) -> None:
        """What a new client needs and what stands when nothing is said."""
        named = {one.path for one in row.problems}
        row.problems += [
            missing(name) for name in ("name", "kind") if row.changes.get(name) is None and (name,) not in named
        ]
        changes, actor = row.changes, self.session.actor
        changes.setdefault("status", ClientStatus.PROSPECT.value)
        changes.setdefault("last_activity_on", self.today)
        if "owner_id" not in changes and actor.kind is ActorKind.USER and not self._may(CLIENTS_ASSIGN):
            changes["owner_id"] = actor.id
        if "unit_id" not in changes and actor.unit_id is not None:
            changes["unit_id"] = actor.unit_id
        if changes.get("owner_id") is None:
            changes["pool_since"] = datetime.now(UTC)

    def _may(self, permission: Permission) -> bool:
        actor = self.session.actor
        return actor.unrestricted or permission.key in actor.permissions

    def _check_rights(self, row: ImportRow) -> None:
        """What needs more than the right to edit: to assign, and to change a tier."""
        own = row.known is None and row.changes.get("owner_id") == self.session.actor.id
        given_unit = row.values.get("unit") is not None
        fields = {"owner_id": "owner", "deputy_id": "deputy"}
        if row.known is not None or (given_unit and row.changes.get("unit_id") != self.session.actor.unit_id):
            fields["unit_id"] = "unit"
        for column, field in fields.items():
            if column in row.changes and not (own and column == "owner_id") and not self._may(CLIENTS_ASSIGN):
                zh = f"缺少“{CLIENTS_ASSIGN.title.zh}”权限。"
                row.problems.append(problem(field, "forbidden", zh, f"You lack “{CLIENTS_ASSIGN.title.en}”."))
        if row.known is not None and "tier" in row.changes and not self._may(CLIENTS_TIER):
            zh = f"缺少“{CLIENTS_TIER.title.zh}”权限。"
            row.problems.append(problem("tier", "forbidden", zh, f"You lack “{CLIENTS_TIER.title.en}”."))

    async def _check_reach(self, rows: Sequence[ImportRow]) -> None:
        reach = await reach_of(self.session, CLIENTS_EDIT, self.today)
        for row in rows:
            if row.known is None and not row.problems:
                changes = row.changes
                if not reach.covers(changes.get("owner_id"), changes.get("unit_id"), changes.get("deputy_id")):
                    zh, en = "新客户不在您的数据范围内。", "The new client would be outside your scope."
                    row.problems.append(problem("unit", "outside_reach", zh, en))

    async def _check_with_plugins(self, rows: Sequence[ImportRow]) -> None:
        asked = [row for row in rows if not row.problems and row.changes]
        columns = [{**_nothing(), **(row.known or {}), **row.changes} for row in asked]
        for row, problems in zip(asked, await check_clients(self.session, columns), strict=True):
            row.problems.extend(problems)

    def _settle_parents(self, rows: Sequence[ImportRow]) -> None:
        for row in rows:
            code = row.values.get("parent")
            if code is None or row.outcome == REFUSED:
                continue
            if code == row.values.get("code"):
                row.problems.append(
                    problem("parent", "cycle", "客户不能是自己的上级。", "It cannot be its own parent.")
                )
                row.outcome = REFUSED
            elif row.known is None or row.known["parent_code"] != code:
                row.parent_code = code
                if row.outcome == UNCHANGED:
                    row.outcome = UPDATED

    # -- the contact and the figures of a row

    def _contact_rows(self, rows: Sequence[ImportRow]) -> list[tuple[ImportRow, ImportRow]]:
        pairs = []
        for row in rows:
            values = {
                key.removeprefix(CONTACT_PREFIX): value
                for key, value in row.values.items()
                if key.startswith(CONTACT_PREFIX)
            }
            if row.outcome != REFUSED and (values.get("name") or values.get("phone")):
                if row.known is None:
                    values["main"] = True
                pairs.append((row, ImportRow(row.number, values)))
        return pairs

    async def _resolve_contacts(self, rows: Sequence[ImportRow]) -> None:
        pairs = self._contact_rows(rows)
        if not pairs:
            return
        work = HangingWork(self.session, self.plan, CONTACTS, today=self.today, lock=self.lock)
        await work.resolve_for([(inner, row.known["id"] if row.known is not None else None) for row, inner in pairs])
        for row, inner in pairs:
            if inner.problems:
                row.problems += [problem(("contact", *one.path), one.code, *one.message) for one in inner.problems]
                row.outcome = REFUSED
            elif inner.outcome != UNCHANGED and row.outcome == UNCHANGED:
                row.outcome = UPDATED
            row.contact = inner

    async def _apply_contacts(self, rows: Sequence[ImportRow]) -> None:
        pairs = [(row, row.contact) for row in rows if row.contact is not None]
        if not pairs:
            return
        work = HangingWork(self.session, self.plan, CONTACTS, today=self.today, batch_id=self.batch_id)
        for row, inner in pairs:
            inner.changes.setdefault("client_id", row.row_id)
        await work.apply([inner for _, inner in pairs if inner.outcome != UNCHANGED])
        for row, inner in pairs:
            if inner.outcome != UNCHANGED:
                row.extra = {
                    **(row.extra or {}),
                    "contact": [str(inner.row_id), inner.outcome, inner.after_version, inner.before],
                }

    async def _fact_columns(self) -> list[FactColumn]:
        period = self.plan.options.fact_period
        columns, problems = await fact_columns(self.session, self.plan.mapped, period, self.today)
        if problems:
            raise InvalidInput(problems=problems)
        return columns

    def _figures(self, rows: Sequence[ImportRow], columns: Sequence[FactColumn]) -> list[tuple[ImportRow, Figure]]:
        source = self.plan.options.fact_source
        return [
            (row, figure_of(column, row.row_id, value, source))
            for row in rows
            if row.row_id is not None and row.outcome != REFUSED
            for column in columns
            if (value := row.values.get(column.key)) is not None
        ]

    async def _resolve_facts(self, rows: Sequence[ImportRow]) -> None:
        columns = await self._fact_columns()
        if columns and not self._may(FACTS_RECORD):
            zh = f"缺少“{FACTS_RECORD.title.zh}”权限。"
            raise InvalidInput(problems=[problem("columns", "forbidden", zh, f"You lack “{FACTS_RECORD.title.en}”.")])
        for row in rows:
            for column in columns:
                if column.key in row.values and row.values[column.key] is None:
                    row.warnings.append(blank_warning(column))
        for row in rows:
            if row.known is not None:
                row.row_id = row.known["id"]
        pairs = self._figures(rows, columns)
        known = await standing(self.session, [place_of(figure) for _, figure in pairs])
        for row, figure in pairs:
            if differs(figure, known.get(place_of(figure))) and row.outcome == UNCHANGED:
                row.outcome = UPDATED

    async def _apply_facts(self, rows: Sequence[ImportRow]) -> None:
        columns = await self._fact_columns()
        pairs = self._figures(rows, columns)
        if not pairs:
            return
        await take_turns(self.writing, [self.plan.options.fact_source])
        known = await standing(self.session, [place_of(figure) for row, figure in pairs if row.known is not None])
        written = await write_figures(self.writing, [figure for _, figure in pairs], known, batch_id=self.batch_id)
        by_client: dict[UUID, list[Any]] = {}
        for one in written:
            by_client.setdefault(one.client_id, []).append(one)
        for row in rows:
            if row.row_id in by_client:
                row.extra = {**(row.extra or {}), "facts": as_stored(by_client[row.row_id])}


def _nothing() -> dict[str, Any]:
    return dict.fromkeys((*COLUMNS, "parent_id", "owner_id", "unit_id", "deputy_id", "id"), None) | {"custom": {}}
