"""Industries' own forms as papers of what is decided here: a record is linked, its contents are not typed twice.

A form fits by the names of its fields. A discount request takes over `trade`, `services`, `background`, `competition`
and `items` (`service`, `quantity`, `standard_price`, `asked_price`); an order takes over `service`,
`engineering_contact` and `planned_on`, and the computed `documents_complete` says that its papers are all there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.clients.checks import problem, refuse
from steward_core.forms.models import FormRecord
from steward_core.forms.states import is_draft, state_of
from steward_core.industry.dispatcher import enabled_form
from steward_core.opportunities.errors import RecordTaken
from steward_core.opportunities.models import DiscountRequest, Opportunity, ServiceOrder
from steward_tenants.database.session import WriteSession

REQUEST_FIELDS = ("trade", "services", "background", "competition")
ORDER_FIELDS = ("service", "engineering_contact", "planned_on")


async def paper_of(
    session: WriteSession, opportunity: Opportunity, record_id: UUID, table: type[DiscountRequest | ServiceOrder]
) -> FormRecord:
    """A form record of the opportunity's client that is no draft and no other row's paper.

    Raises InvalidInput, FormNotFound, RecordTaken.
    """
    found = await session.find(
        FormRecord, FormRecord.id == record_id, FormRecord.client_id == opportunity.client_id, lock=True
    )
    if found is None:
        refuse([problem("record_id", "unknown", "该客户没有此表单记录。", "The client has no such form record.")])
    assert found is not None
    _, form = await enabled_form(session, found.form)
    if is_draft(state_of(form, found.state)):
        refuse([problem("record_id", "draft", "该表单仍是草稿，请先提交。", "The form is a draft: submit it first.")])
    columns: Any = table
    if await session.scalar(select(columns.id).where(session.within(columns), columns.record_id == record_id)):
        raise RecordTaken
    return found


def contents(found: FormRecord | None, names: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, and for what was not what the paper says."""
    document = {} if found is None else found.document
    taken = {name: document[name] for name in names if document.get(name) is not None}
    return {**taken, **{name: value for name, value in given.items() if value is not None}}


def items_of(found: FormRecord | None, background: str | None) -> list[dict[str, Any]]:
    """The items of a paper as a discount request holds them; the background is why each is asked for."""
    listed = [] if found is None else found.document.get("items") or []
    return [
        {
            "title": one.get("service"),
            "quantity": one.get("quantity", 1),
            "standard": one.get("standard_price"),
            "asked": one.get("asked_price"),
            "reason": background,
        }
        for one in listed
        if isinstance(one, Mapping)
    ]
