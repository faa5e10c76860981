"""Whose work in which period is looked at, and how lines of a report are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Text, and_, cast, func, literal

from steward_core.clients.models import Client
from steward_core.reports.models import ReportKind
from steward_core.reports.periods import Span
from steward_tenants.database.session import TenantSession


@dataclass(frozen=True)
class Asked:
    """Whose work in which period."""

    session: TenantSession
    owner_ids: tuple[UUID, ...]
    kind: ReportKind
    span: Span
    zone: tzinfo

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """The period's first moment, and the first after it."""
        return self.span.moments(self.zone)

    def theirs(self, owner: Any) -> ColumnElement[bool]:
        """The condition that a row is one of these people's."""
        found: ColumnElement[bool] = owner.in_(self.owner_ids)
        return found

    def within_moments(self, moment: Any) -> ColumnElement[bool]:
        """The condition that something happened in the period."""
        begin, end = self.moments
        return and_(moment >= begin, moment < end)

    def day_of(self, moment: Any) -> ColumnElement[Any]:
        """The tenant's day of a moment."""
        return cast(func.timezone(str(self.zone), moment), Date)

    def client_of(self, client_id: Any) -> ColumnElement[bool]:
        """The condition that joins a row's client."""
        return and_(self.session.within(Client), Client.id == client_id)


def line(**values: Any) -> ColumnElement[Any]:
    """A line as an object of JSON, without what is empty."""
    parts: Iterable[Any] = (part for name, value in values.items() for part in (literal(name, Text), value))
    found: ColumnElement[Any] = func.jsonb_strip_nulls(func.jsonb_build_object(*parts)).label("line")
    return found
