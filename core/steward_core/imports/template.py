"""An empty workbook with a target's columns, headed so that it is recognised when it comes back."""

from __future__ import annotations

import io

from steward_core.forms.workbook import template as form_template
from steward_core.imports.targets import FORM, target_of
from steward_core.industry.dispatcher import enabled_form
from steward_core.permissions import RECORDS_IMPORT
from steward_core.spreadsheets.writers import Column, XlsxWriter
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession


async def template_of(session: TenantSession, target: str, *, locale: str = "zh-CN") -> bytes:
    """The workbook to fill in. Raises Forbidden, TargetUnknown, FormNotFound."""
    require(session.actor, RECORDS_IMPORT)
    if target.startswith(FORM):
        return form_template((await enabled_form(session, target.removeprefix(FORM)))[1])
    known = await target_of(session, target)
    columns = [
        Column(one.title.in_locale(locale), one.kind, choices=one.choices, required=one.required)
        for one in await known.fields(session, ())
    ]
    content = io.BytesIO()
    XlsxWriter(content, columns, known.title.in_locale(locale)).close()
    return content.getvalue()
