"""What of a tenant travels in an export, in which order, and what changes when it arrives in a new tenant.

Every tenant table is found through the metadata; a table of a floor above needs nothing but its model. Declare here,
next to the model's import, only what is special: tables left out, columns that are encrypted for their place, rows
that must change on arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, MetaData, Table

from steward_tenants.audit.models import AuditSeal
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.database.floors import load_floors
from steward_tenants.database.tables import TenantTable
from steward_tenants.files.models import StoredFile
from steward_tenants.oauth.models import AuthorizationCode, TokenGrant
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.people.models import User, UserStatus
from steward_tenants.people.service import identity_place
from steward_tenants.signin.models import SignInSession
from steward_tenants.support.models import SupportAccess
from steward_tenants.texts import Bilingual

MINIMUM_GRACE_DAYS = 30
"""A tenant that is to be deleted stays at least this long."""
LONGEST_GRACE_DAYS = 3650
BYTES_STAY_BEHIND = frozenset({"tenant_export", "personal_data"})
"""Purposes of files whose bytes are not exported: exports of exports would grow without end."""

Row = dict[str, str | None]
"""One row of an archive: every value as the text in which PostgreSQL writes it."""


@dataclass(frozen=True)
class Arrival:
    """What a row may need to know on arrival. `moment` is the restore's time as text."""

    old_tenant: UUID
    new_tenant: UUID
    moment: str
    accounts: dict[str, str]
    unproved_accounts: frozenset[str]
    files_without_bytes: frozenset[str]


EXPORT_DAYS = 7
"""Days that an export stays in the tenant's file store."""
LEFT_OUT: dict[str, Bilingual] = {}
"""Tables that are in no export, with the reason."""
KEPT_AS_HISTORY: dict[str, Bilingual] = {}
"""Tables that are in the export but are not loaded again, with the reason."""
ENCRYPTED: dict[str, dict[str, Callable[[UUID, Row], str]]] = {}
"""`{table: {column: place}}` of columns that the vault encrypts for (tenant, row)."""
CHANGES_ON_ARRIVAL: dict[str, Callable[[Row, Arrival], None]] = {}
"""What to change in a row of a table before it is loaded into its new tenant."""


def leave_out(table: type[TenantTable], zh: str, en: str) -> None:
    """Keep a table out of exports; say why."""
    LEFT_OUT[table.__tablename__] = Bilingual(zh, en)


def encrypted_column(table: type[TenantTable], column: str, place: Callable[[UUID, Row], str]) -> None:
    """Say that a column holds vault values, and for which place a row's value is encrypted."""
    ENCRYPTED.setdefault(table.__tablename__, {})[column] = place


leave_out(SignInSession, "登录会话只属于原租户", "Sessions belong to the tenant they were opened in")
leave_out(AuthorizationCode, "授权码只属于原租户", "Codes belong to the tenant they were issued in")
leave_out(TokenGrant, "令牌只属于原租户", "Tokens belong to the tenant they were issued in")
leave_out(IdempotencyRecord, "重复请求的记录只在短期内有用", "Answers to repeats are of short use")
leave_out(OutboxJob, "待办任务不得在副本中再次执行", "Jobs must not run a second time in a copy")
KEPT_AS_HISTORY[AuditSeal.__tablename__] = Bilingual(
    "封印与原租户绑定；还原后的审计链重新开始",
    "Seals are bound to the tenant they were made in; the chain starts anew with the restored events",
)
encrypted_column(User, "identity_number", lambda tenant, row: identity_place(tenant, UUID(row["id"])))


def _user_arrives(row: Row, arrival: Arrival) -> None:
    account = arrival.accounts.get(str(row["account_id"]))
    if account is None:
        return
    row["account_id"] = account
    if account in arrival.unproved_accounts and row["status"] == UserStatus.ACTIVE:
        row["status"] = UserStatus.INVITED.value


def _support_access_arrives(row: Row, arrival: Arrival) -> None:
    row["ended_at"] = row["ended_at"] or arrival.moment


def _file_arrives(row: Row, arrival: Arrival) -> None:
    if row["id"] in arrival.files_without_bytes or row["purpose"] in BYTES_STAY_BEHIND:
        row["deleted_at"] = row["deleted_at"] or arrival.moment


CHANGES_ON_ARRIVAL[User.__tablename__] = _user_arrives
CHANGES_ON_ARRIVAL[SupportAccess.__tablename__] = _support_access_arrives
CHANGES_ON_ARRIVAL[StoredFile.__tablename__] = _file_arrives


@dataclass(frozen=True)
class TablePlan:
    """A table and its place in the order. `late` columns refer to rows that may come later: they are loaded empty
    and filled when all rows are there."""

    table: Table
    columns: tuple[Column[Any], ...]
    late: tuple[Column[Any], ...]

    @property
    def name(self) -> str:
        """The table's name, without schema."""
        return self.table.name

    @property
    def key(self) -> tuple[Column[Any], ...]:
        """The primary key without `tenant_id`."""
        return tuple(column for column in self.table.primary_key.columns if column.name != "tenant_id")


def _references(table: Table) -> list[tuple[str, tuple[Column[Any], ...]]]:
    return sorted(
        (
            (
                constraint.referred_table.name,
                tuple(column for column in constraint.columns if column.name != "tenant_id"),
            )
            for constraint in table.foreign_key_constraints
        ),
        key=lambda reference: reference[0],
    )


def _may_be_late(references: Iterable[tuple[str, tuple[Column[Any], ...]]]) -> bool:
    return all(column.nullable for _, columns in references for column in columns)


def in_dependency_order(tables: Iterable[Table]) -> tuple[TablePlan, ...]:
    """The tables so that each comes after those it refers to; circles are opened at columns that may be empty.

    Raises ValueError when a circle of references has no such column.
    """
    waiting = {table.name: table for table in tables}
    references = {name: _references(table) for name, table in waiting.items()}
    plans: list[TablePlan] = []
    while waiting:
        ahead = {name: [one for one in references[name] if one[0] in waiting] for name in waiting}
        free = [name for name in sorted(waiting) if _may_be_late(one for one in ahead[name] if one[0] == name)]
        free = [name for name in free if all(target == name for target, _ in ahead[name])]
        if not free:
            free = [
                name for name in sorted(waiting, key=lambda name: (len(ahead[name]), name)) if _may_be_late(ahead[name])
            ][:1]
        if not free:
            raise ValueError(f"references run in a circle without an empty place: {sorted(waiting)}")
        for name in free:
            table = waiting.pop(name)
            late = {column.name: column for _, columns in ahead[name] for column in columns}
            columns = tuple(column for column in table.columns if column.name != "tenant_id")
            plans.append(TablePlan(table, columns, tuple(late[key] for key in sorted(late))))
    return tuple(plans)


def every_table(metadata: MetaData = TenantTable.metadata) -> tuple[TablePlan, ...]:
    """All tenant tables, of all floors, in order."""
    load_floors()
    return in_dependency_order(metadata.tables.values())


def exported_tables(metadata: MetaData = TenantTable.metadata) -> tuple[TablePlan, ...]:
    """The tenant tables that an export holds, in order. Raises ValueError when one refers to a table left out."""
    load_floors()
    kept = [table for table in metadata.tables.values() if table.name not in LEFT_OUT]
    for table in kept:
        for target, _ in _references(table):
            if target in LEFT_OUT:
                raise ValueError(f"{table.name} refers to {target}, which is left out")
    return in_dependency_order(kept)
