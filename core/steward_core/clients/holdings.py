"""What contracts, products, arrears, notes and attachments share: fields cleaned, rows found and locked in reach."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.errors import ClientNotFound
from steward_core.clients.holdings_errors import HoldingChanged
from steward_core.clients.models import Client
from steward_core.clients.rules import LONGEST_TEXT, missing
from steward_core.clients.service import client_to_change
from steward_core.permissions import CLIENTS_EDIT
from steward_tenants.access.permissions import Permission
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.rules import require
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, NotFound
from steward_tenants.people.rules import Unacceptable, line_of_text
from steward_tenants.texts import Bilingual

MOST_FEN = 10**15
"""Ten thousand billion yuan: what no single amount exceeds."""
Fields = Mapping[str, Any]
Cleaner = Callable[[Any], Any]


def cleaned(
    values: Fields, fields: Mapping[str, Cleaner], required: Collection[str], *, new: bool
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """The values in stored form, and everything that is wrong; None or blank empties an optional field."""
    clean: dict[str, Any] = {}
    problems = []
    for field, value in values.items():
        if field not in fields:
            problems.append(FieldProblem((field,), "unknown", Bilingual("没有此字段。", "There is no such field.")))
        elif value is None or (isinstance(value, str) and not value.strip()):
            if field in required:
                problems.append(missing(field))
            clean[field] = None
        else:
            try:
                clean[field] = fields[field](value)
            except Unacceptable as refused:
                problems.append(FieldProblem((field,), refused.code, refused.message))
    if new:
        problems += [missing(field) for field in sorted(required) if field not in values]
    return clean, problems


def line(longest: int) -> Cleaner:
    """A cleaner for one line of text."""
    return lambda value: line_of_text(value, longest)


def text(value: Any) -> str:
    """Text of several lines. Raises Unacceptable."""
    if not isinstance(value, str):
        raise Unacceptable("text", "应为文本。", "Give text.")
    stripped = value.replace("\r\n", "\n").strip()
    if not 1 <= len(stripped) <= LONGEST_TEXT:
        raise Unacceptable("length", f"应为 1 到 {LONGEST_TEXT} 个字符。", f"Use 1 to {LONGEST_TEXT} characters.")
    for one in stripped.split("\n"):
        for part in one.split("\t"):
            if part.strip():
                line_of_text(part, LONGEST_TEXT)
    return stripped


def fen(value: Any) -> int:
    """An amount of money in fen, not negative. Raises Unacceptable."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_FEN:
        raise Unacceptable("fen", "金额以分为单位，为不小于 0 的整数。", "Give an amount in whole fen, not below 0.")
    return value


def owed(value: Any) -> int:
    """An amount in fen above zero. Raises Unacceptable."""
    if fen(value) == 0:
        raise Unacceptable("fen", "金额须大于 0。", "The amount must be above 0.")
    return int(value)


def quantity(value: Any) -> Decimal:
    """A number of things with at most three decimal places, not negative. Raises Unacceptable."""
    number = Decimal("NaN")
    if isinstance(value, int | Decimal | str) and not isinstance(value, bool):
        with suppress(InvalidOperation):
            number = Decimal(value)
    if not number.is_finite() or not 0 <= number < 10**12 or round(number, 3) != number:
        raise Unacceptable("quantity", "应为不小于 0 的数，最多三位小数。", "Give a number, up to 3 decimals.")
    return round(number, 3)


async def row_to_change(
    session: WriteSession,
    kind: RowKind,
    row_id: UUID,
    missing_row: type[NotFound],
    *,
    today: date,
    permission: Permission = CLIENTS_EDIT,
    expected_version: int | None = None,
) -> tuple[Any, Client]:
    """A row below a client, locked, and its client, locked first: changes of one client's rows wait for each other.

    Raises Forbidden, `missing_row`, ClientIsMerged, HoldingChanged.
    """
    require(session.actor, permission)
    table: Any = kind.table
    reach = kind.within_reach(session, permission, today)
    client_id = await session.scalar(select(table.client_id).where(session.within(table), table.id == row_id, reach))
    if client_id is None:
        raise missing_row
    try:
        client = await client_to_change(session, client_id, permission, today=today)
    except ClientNotFound:
        raise missing_row from None
    row = await session.find(table, table.id == row_id, table.client_id == client_id, lock=True)
    if row is None:
        raise missing_row
    if expected_version is not None and row.version != expected_version:
        raise HoldingChanged
    return row, client
