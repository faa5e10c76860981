"""Importing what hangs on clients: contacts, contracts, products in use, arrears; and the catalogue of products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Uuid, func, select, update

from steward_core.clients.contracts import OVER
from steward_core.clients.models import Arrears, ClientProduct, Contact, Contract, ContractStatus, Product
from steward_core.clients.row_kinds import ARREARS, CLIENT_PRODUCT, CONTACT, CONTRACT
from steward_core.clients.rules import tail_of
from steward_core.clients.search import keys_for_contact, write_keys
from steward_core.custom_fields.service import fields_of as custom_fields_of
from steward_core.custom_fields.service import merged_values
from steward_core.database.bulk import insert_many, update_many
from steward_core.imports.client_writes import index_custom, insert_keys
from steward_core.imports.fields import missing, problem
from steward_core.imports.plans import ImportRow, repeated
from steward_core.imports.references import among, find_clients, unknown
from steward_core.imports.work import CREATED, UPDATED, Work, given, plain, table_of
from steward_core.permissions import CLIENTS_EDIT
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.tables import TenantTable
from steward_tenants.errors import FieldProblem, InvalidInput

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Hanging:
    """A table whose rows hang on clients (`client` True) or stand alone, as imports see it.

    `matches` are sets of columns by which a row is recognised, tried in order; a set counts when the row gives all of
    them, and with `strict` ends the search. `columns` are taken over as they are read, `required` are those that a new
    row needs. `derive` adds columns that follow from others: it is told all columns as they will stand, those that
    change, and the day. `check` sees all columns as they will stand, `check_change` those there were and the changes.
    """

    key: str
    table: type[TenantTable]
    row_kind: RowKind | None
    matches: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...]
    required: tuple[str, ...]
    client: bool = True
    custom: bool = False
    strict: bool = False
    authored: bool = True
    touched: bool = True
    derive: Callable[[Values, Values, date], Values] | None = None
    check: Callable[[Values], Sequence[FieldProblem]] | None = None
    check_change: Callable[[Values, Values], Sequence[FieldProblem]] | None = None
    new: Values | None = None


class HangingWork(Work):
    """See the module."""

    def __init__(self, session: Any, plan: Any, spec: Hanging, **more: Any) -> None:
        super().__init__(session, plan, **more)
        self.spec = spec
        self._retired: set[UUID] = set()

    def key_of(self, row: ImportRow) -> str | None:
        """Client and the first set of matching columns that the row gives."""
        client = str(row.values.get("client"))
        for names in self.spec.matches:
            parts = [self._given(row, "product" if name == "product_id" else name) for name in names]
            if all(part is not None for part in parts):
                return "\x1f".join([client, *names, *map(str, parts)])
        return None

    def unique_of(self, row: ImportRow) -> str | None:
        """A contract's number is unique in the tenant."""
        return row.values.get("number") if self.spec.table is Contract else None

    def _given(self, row: ImportRow, name: str) -> Any:
        """The value of a matching column, or what a new row has without one."""
        value = row.values.get(name)
        return value if value is not None else (self.spec.new or {}).get(name)

    async def resolve(self, rows: Sequence[ImportRow]) -> None:
        """Find the clients and the rows there are, and compare."""
        clients: Mapping[int, UUID] = {}
        if self.spec.client:
            clients = await find_clients(self.session, rows, CLIENTS_EDIT, self.today, hold=self.lock)
        if self.spec.table is ClientProduct:
            await self._find_products(rows)
        if self.spec.table is Contract:
            await self._refuse_foreign_numbers(rows, clients)
        await self.resolve_for([(row, clients.get(row.number)) for row in rows])

    async def resolve_for(self, pairs: Sequence[tuple[ImportRow, UUID | None]]) -> None:
        """`resolve` for rows whose clients are known; None: the client is new, or there is none."""
        existing = await self._existing([client_id for _, client_id in pairs if client_id is not None], pairs)
        customs = await custom_fields_of(self.session, self.spec.key) if self.spec.custom else ()
        mains: dict[UUID, ImportRow | None] = {row["client_id"]: None for row in existing.values() if row.get("main")}
        met: dict[UUID, int] = {}
        for row, client_id in pairs:
            self._recognise(row, client_id, existing)
            if row.known is not None and met.setdefault(row.known["id"], row.number) != row.number:
                row.problems.append(repeated(met[row.known["id"]]))
            self._compare(row, client_id)
            if self.spec.custom:
                self._custom(row, customs)
            if self.spec.table is Contact:
                self._choose_main(row, client_id, mains)
            await self.settle(row, exists=row.known is not None, changed=bool(row.changes))

    def _choose_main(self, row: ImportRow, client_id: UUID | None, mains: dict[UUID, ImportRow | None]) -> None:
        """The first contact of a client is the main one, unless a row says otherwise or the client is new: then the
        row that brings both says it. `mains` has the row that made it so, None where one was there before."""
        if client_id is None or row.problems:
            return
        if row.changes.get("main"):
            other = mains.get(client_id)
            if other is not None and other.values.get("main"):
                zh, en = (
                    f"第 {other.number} 行已是该客户的主要联系人。",
                    f"Row {other.number} is the main contact already.",
                )
                row.problems.append(problem("main", "twice", zh, en))
                return
            if other is not None:
                other.changes["main"] = False
            mains[client_id] = row
            return
        first = row.known is None and row.values.get("main") is None and row.changes.get("left_on") is None
        if first and mains.setdefault(client_id, row) is row:
            row.changes["main"] = True

    async def apply(self, rows: Sequence[ImportRow]) -> None:
        """Insert new rows and update changed ones."""
        for row in rows:
            if row.known is not None:
                row.row_id, row.after_version = row.known["id"], row.known["version"]
        if self.spec.table is Contact:
            await self._step_down(rows)
        await self._insert([row for row in rows if row.outcome == CREATED])
        await self._update([row for row in rows if row.outcome == UPDATED])

    async def _step_down(self, rows: Sequence[ImportRow]) -> None:
        """Who was the main contact of a client that gets another one is it no more; the undo is told."""
        chosen = {
            row.known["client_id"] if row.known is not None else row.changes.get("client_id"): row
            for row in rows
            if row.outcome in (CREATED, UPDATED) and row.changes.get("main")
        }
        if not chosen:
            return
        table = table_of(Contact)
        own = [row.known["id"] for row in chosen.values() if row.known is not None]
        statement = (
            update(table)
            .where(
                self.session.within(table),
                among(table.c.client_id, sorted(one for one in chosen if one is not None), Uuid()),
                table.c.main,
                ~among(table.c.id, own, Uuid()),
            )
            .values(main=False, version=table.c.version + 1, updated_at=func.now())
            .returning(table.c.id, table.c.client_id, table.c.version)
            .execution_options(synchronize_session=False)
        )
        stepped = {row[0]: row for row in await self.session.rows(statement)}
        for contact_id, client_id, version in stepped.values():
            extra = chosen[client_id].extra or {}
            listed = [*extra.get("stepped_down", ()), [str(contact_id), version]]
            chosen[client_id].extra = {**extra, "stepped_down": listed}
        for row in rows:
            if row.known is not None and row.known["id"] in stepped:
                row.known = {**row.known, "main": False, "version": stepped[row.known["id"]][2]}

    async def _existing(
        self, client_ids: Sequence[UUID], pairs: Sequence[tuple[ImportRow, UUID | None]]
    ) -> dict[tuple[Any, ...], Any]:
        """The rows that might be meant, by client and each set of matching columns."""
        table = table_of(self.spec.table)
        statement = select(table).where(self.session.within(table))
        if self.spec.client:
            if not client_ids:
                return {}
            statement = statement.where(among(table.c.client_id, sorted(set(client_ids)), Uuid()))
        else:
            name = self.spec.matches[0][0]
            statement = statement.where(among(table.c[name], given([row for row, _ in pairs], name)))
        statement = statement.order_by(table.c.id)
        if self.lock:
            statement = statement.with_for_update()
        found: dict[tuple[Any, ...], Any] = {}
        for row in await self.session.rows(statement):
            mapping = row._mapping
            for names in self.spec.matches:
                place = (mapping.get("client_id"), names, *(mapping[name] for name in names))
                found.setdefault(place, mapping)
        return found

    def _recognise(self, row: ImportRow, client_id: UUID | None, existing: Mapping[tuple[Any, ...], Any]) -> None:
        for names in self.spec.matches:
            parts = [self._given(row, name) for name in names]
            if all(part is not None for part in parts):
                row.known = existing.get((client_id, names, *parts))
                if row.known is not None or self.spec.strict:
                    return

    def _compare(self, row: ImportRow, client_id: UUID | None) -> None:
        clear = self.plan.options.blank == "clear"
        existing = row.known
        for name in self.spec.columns:
            if name not in row.values:
                continue
            value = row.values[name]
            if value is None and (not clear or name in self.spec.required):
                continue
            if existing is None or existing[name] != value:
                row.changes[name] = value
        if existing is None:
            if row.changes.get("product_id") in self._retired and row.changes.get("ended_on") is None:
                row.problems.append(problem("product", "retired", "该产品已停用。", "This product is retired."))
            named = {one.path for one in row.problems}
            row.problems += [
                missing(name) for name in self.spec.required if row.changes.get(name) is None and (name,) not in named
            ]
            row.changes = {**(self.spec.new or {}), **row.changes}
            if client_id is not None:
                row.changes["client_id"] = client_id
        if row.changes and self.spec.derive is not None:
            after = {**_empty(self.spec), **(existing or {}), **row.changes}
            row.changes.update(self.spec.derive(after, row.changes, self.today))
        if row.changes and existing is not None and self.spec.check_change is not None:
            row.problems.extend(self.spec.check_change(existing, row.changes))
        if row.changes and self.spec.check is not None and not row.problems:
            row.problems.extend(self.spec.check({**_empty(self.spec), **(existing or {}), **row.changes}))

    def _custom(self, row: ImportRow, customs: Any) -> None:
        values = {
            key.removeprefix("custom."): value
            for key, value in row.values.items()
            if key.startswith("custom.") and (value is not None or self.plan.options.blank == "clear")
        }
        existing = None if row.known is None else row.known["custom"]
        if not values and existing is not None:
            return
        try:
            merged = merged_values(customs, values, existing=existing)
        except InvalidInput as wrong:
            row.problems.extend(wrong.problems)
        else:
            if merged != (existing or {}):
                row.changes["custom"] = merged

    async def _find_products(self, rows: Sequence[ImportRow]) -> None:
        codes = given(rows, "product")
        known: dict[str, UUID] = {}
        if codes:
            found = await self.session.rows(
                select(Product.code, Product.id, Product.retired).where(
                    self.session.within(Product), among(Product.code, codes)
                )
            )
            known = {row[0]: row[1] for row in found}
            self._retired = {row[1] for row in found if row[2]}
        for row in rows:
            code = row.values.get("product")
            if code in known:
                row.values["product_id"] = known[code]
            elif code is not None:
                row.problems.append(unknown("product", code, "产品", "product"))
            else:
                row.problems.append(missing("product"))

    async def _refuse_foreign_numbers(self, rows: Sequence[ImportRow], clients: Mapping[int, UUID]) -> None:
        """A contract's number is unique in the tenant: one that another client has is taken."""
        numbers = given(rows, "number")
        if not numbers:
            return
        found = await self.session.rows(
            select(Contract.number, Contract.client_id).where(
                self.session.within(Contract), among(Contract.number, numbers)
            )
        )
        holders = {row[0]: row[1] for row in found}
        for row in rows:
            holder = holders.get(row.values.get("number") or "")
            if holder is not None and row.number in clients and holder != clients[row.number]:
                row.problems.append(problem("number", "taken", "该合同编号已被使用。", "The number is taken."))

    async def _insert(self, rows: Sequence[ImportRow]) -> None:
        if not rows:
            return
        spec = self.spec
        for row in rows:
            row.row_id, row.after_version = new_id(), 1
        names = sorted({name for row in rows for name in row.changes})
        defaults = {**(spec.new or {}), "custom": {}}
        columns: dict[str, list[Any]] = {
            name: [row.changes.get(name, defaults.get(name)) for row in rows] for name in names
        }
        columns["id"] = [row.row_id for row in rows]
        if spec.authored:
            columns["created_by"] = [self.session.actor.id] * len(rows)
        await insert_many(self.writing, spec.table, columns)
        if spec.table is Contact:
            keyed = [keys_for_contact(row.changes["client_id"], cast(UUID, row.row_id), row.changes) for row in rows]
            await insert_keys(self.writing, keyed)
        await self._index(rows, clear=False)

    async def _update(self, rows: Sequence[ImportRow]) -> None:
        if not rows:
            return
        spec = self.spec
        for row in rows:
            row.before = {name: plain(row.known[name]) for name in row.changes}
            row.after_version = row.known["version"] + 1
        names = sorted({name for row in rows for name in row.changes})
        table = table_of(spec.table)
        also: dict[str, Any] = {"version": table.c.version + 1}
        if spec.touched:
            also["updated_at"] = func.now()
        await update_many(
            self.writing,
            spec.table,
            {"id": [row.row_id for row in rows]},
            {name: [row.changes.get(name, row.known[name]) for row in rows] for name in names},
            also=also,
        )
        if spec.table is Contact:
            await write_keys(
                self.writing,
                [
                    keys_for_contact(row.known["client_id"], row.known["id"], {**row.known, **row.changes})
                    for row in rows
                ],
                before=[keys_for_contact(row.known["client_id"], row.known["id"], row.known) for row in rows],
            )
        await self._index([row for row in rows if "custom" in row.changes], clear=True)

    async def _index(self, rows: Sequence[ImportRow], *, clear: bool) -> None:
        if self.spec.custom:
            customs = {cast(UUID, row.row_id): row.changes["custom"] for row in rows if row.changes.get("custom")}
            ids = [cast(UUID, row.row_id) for row in rows]
            await index_custom(self.writing, self.spec.key, customs, clear=ids if clear else ())


def _empty(spec: Hanging) -> dict[str, Any]:
    return dict.fromkeys(table_of(spec.table).c.keys())


def _contact_tail(_after: Values, changes: Values, _today: date) -> Values:
    return {"phone_tail": tail_of(changes["phone"])} if "phone" in changes else {}


def _contact_problems(values: Values) -> Sequence[FieldProblem]:
    if values["main"] and values["left_on"] is not None:
        return [problem("left_on", "main", "主要联系人不能已离职。", "Who has left cannot be the main contact.")]
    return []


def _contract_problems(values: Values) -> Sequence[FieldProblem]:
    if values["end_on"] is not None and values["start_on"] is not None and values["end_on"] < values["start_on"]:
        return [problem("end_on", "days", "结束日不能早于开始日。", "It ends before it starts.")]
    return []


def _contract_change_problems(before: Values, changes: Values) -> Sequence[FieldProblem]:
    """What holds on the screen holds here: a contract that is over stays so, one that was agreed is no draft again."""
    if before["status"] in OVER and changes.keys() & {"status", "start_on", "end_on", "amount"}:
        return [problem("status", "over", "合同已结束，不能再修改。", "The contract is over: it cannot be changed.")]
    if before["status"] == ContractStatus.ACTIVE and changes.get("status") == ContractStatus.DRAFT:
        return [problem("status", "status", "已生效的合同不能改回草稿。", "An active contract is no draft again.")]
    return []


def _use_problems(values: Values) -> Sequence[FieldProblem]:
    started, ended = values["started_on"], values["ended_on"]
    if started is not None and ended is not None and ended < started:
        return [problem("ended_on", "days", "停用日不能早于启用日。", "It ends before it starts.")]
    return []


def _arrears_settled(after: Values, changes: Values, today: date) -> Values:
    """Settled when all is paid. A day of settlement says so by itself, where nothing is said of payments."""
    amount, paid = after["amount"], after["paid"]
    if changes.get("settled_on") is not None and not changes.get("paid") and not paid:
        return {"paid": amount}
    if amount is None or paid is None:
        return {}
    settled = (after["settled_on"] or today) if paid == amount else changes.get("settled_on")
    return {"settled_on": settled} if settled != after["settled_on"] else {}


def _arrears_problems(values: Values) -> Sequence[FieldProblem]:
    found = []
    if values["settled_on"] is not None and values["amount"] is not None and (values["paid"] or 0) < values["amount"]:
        found.append(
            problem("settled_on", "open", "尚未缴清，不能有结清日期。", "It is not paid in full: not settled.")
        )
    if values["amount"] is not None and values["amount"] <= 0:
        found.append(problem("amount", "positive", "欠费金额应大于 0。", "The amount must be above zero."))
    elif values["paid"] is not None and not 0 <= values["paid"] <= (values["amount"] or 0):
        found.append(problem("paid", "range", "已缴金额应在 0 和欠费金额之间。", "Paid is from zero to the amount."))
    return found


CONTACTS = Hanging(
    "contact",
    Contact,
    CONTACT,
    matches=(("phone",), ("name",)),
    columns=("name", "roles", "main", "position", "department", "phone", "email", "birthday", "preferences", "left_on"),
    required=("name",),
    custom=True,
    derive=_contact_tail,
    check=_contact_problems,
    new={"roles": ["contact"], "main": False},
)
CONTRACTS = Hanging(
    "contract",
    Contract,
    CONTRACT,
    matches=(("number",),),
    columns=("number", "title", "kind", "status", "signed_on", "start_on", "end_on", "amount", "note"),
    required=("number", "title", "start_on"),
    check=_contract_problems,
    check_change=_contract_change_problems,
    new={"status": "active"},
)
PRODUCTS = Hanging(
    "product",
    Product,
    None,
    matches=(("code",),),
    columns=("code", "name", "category", "measure", "retired"),
    required=("code", "name"),
    client=False,
    authored=False,
    touched=False,
    new={"retired": False},
)
USES = Hanging(
    "client_product",
    ClientProduct,
    CLIENT_PRODUCT,
    matches=(("product_id", "started_on"), ("product_id",)),
    strict=True,
    columns=("product_id", "quantity", "monthly_amount", "started_on", "ended_on", "note"),
    required=(),
    authored=False,
    touched=False,
    check=_use_problems,
)
ARREARS_OF_CLIENTS = Hanging(
    "arrears",
    Arrears,
    ARREARS,
    matches=(("period", "source"),),
    columns=("period", "source", "amount", "paid", "due_on", "settled_on", "note"),
    required=("period", "amount", "due_on"),
    authored=False,
    derive=_arrears_settled,
    check=_arrears_problems,
    new={"source": "import", "paid": 0},
)
