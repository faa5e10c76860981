"""Rows that hang on a client: how they are reached, and the names that they are shown with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT as CLIENT_ROWS
from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.declared.entities import Expression, Row
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.texts import Bilingual


def below_client(key: str, zh: str, en: str, table: Any, client_id: Any) -> RowKind:
    """Rows of a table that are reached through their client by whoever sees the client."""
    return RowKind(key, Bilingual(zh, en), table, CLIENTS_VIEW, parent=CLIENT_ROWS, parent_id=client_id)


def unit_name(attribute: str) -> Expression:
    """The name of the unit whose id stands in a column."""

    def expression(row: Row) -> ColumnElement[Any]:
        unit: Any = aliased(OrgUnit)
        return (
            select(unit.name)
            .where(row.within(unit), unit.id == getattr(row.table, attribute))
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


def client_name(attribute: str = "client_id", shown: str = "name") -> Expression:
    """The name (or code) of the client that a row hangs on, for types whose rows are reached through that client."""

    def expression(row: Row) -> ColumnElement[Any]:
        client: Any = aliased(Client)
        return (
            select(getattr(client, shown))
            .where(row.within(client), client.id == getattr(row.table, attribute))
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression
