"""Schemes of a tenant and their versions: made, changed, found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from steward_core.incentives.errors import NoSchemeInForce, PaySchemeExists
from steward_core.incentives.models import PayScheme, PaySchemeVersion, SchemeStatus
from steward_core.incentives.months import first_of, month_name
from steward_core.incentives.reach import scheme_in_reach
from steward_core.incentives.rules import RULE_VERSION
from steward_core.incentives.schemes import SchemeVersion, read_scheme
from steward_core.incentives.wording import body, line
from steward_core.permissions import STATEMENTS_RUN
from steward_tenants.access.rules import reaches_everything
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Forbidden, invalid
from steward_tenants.organisation.service import held_unit

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")


@command("incentives.scheme.create", "新建薪酬方案", "Make a pay scheme", permission=STATEMENTS_RUN)
async def create_scheme(
    session: WriteSession, key: str, title_zh: str, title_en: str, *, today: date, unit_id: UUID | None = None
) -> PayScheme:
    """A scheme for a unit and all below it, or for the whole company; it takes effect with its first version.

    Raises InvalidInput, PaySchemeExists, UnitNotFound, Forbidden.
    """
    if not _KEY.fullmatch(key):
        raise invalid(
            "key",
            "key",
            "标识以小写字母开头，只含小写字母、数字和下划线，最多 63 个字符。",
            "A key begins with a lower-case letter and holds lower-case letters, digits and _, at most 63.",
        )
    if unit_id is not None:
        await held_unit(session, unit_id, STATEMENTS_RUN, today)
    elif not reaches_everything(session.actor, STATEMENTS_RUN):
        raise Forbidden(permission=STATEMENTS_RUN.title)
    await take_turn(session, "incentives/schemes")
    if await session.find(PayScheme, PayScheme.key == key):
        raise PaySchemeExists(key=key)
    scheme = PayScheme(
        id=new_id(),
        key=key,
        title_zh=line("title_zh", title_zh),
        title_en=line("title_en", title_en),
        unit_id=unit_id,
        status=SchemeStatus.ACTIVE,
    )
    session.add(scheme)
    await record(session, "incentives.scheme.create", Subject("pay_scheme", scheme.id), after=snapshot(scheme))
    return scheme


@command("incentives.scheme.change", "修改薪酬方案", "Change a pay scheme", permission=STATEMENTS_RUN)
async def change_scheme(
    session: WriteSession,
    scheme_id: UUID,
    *,
    today: date,
    title_zh: str | None = None,
    title_en: str | None = None,
    closed: bool | None = None,
) -> PayScheme:
    """Change a scheme's title, close it or open it again; its figures change by versions. Raises InvalidInput,
    PaySchemeNotFound."""
    scheme = await scheme_in_reach(session, scheme_id, STATEMENTS_RUN, today, lock=True)
    before = snapshot(scheme)
    if title_zh is not None:
        scheme.title_zh = line("title_zh", title_zh)
    if title_en is not None:
        scheme.title_en = line("title_en", title_en)
    if closed is not None:
        scheme.status = SchemeStatus.CLOSED if closed else SchemeStatus.ACTIVE
    subject = Subject("pay_scheme", scheme.id)
    await record(session, "incentives.scheme.change", subject, before=before, after=snapshot(scheme))
    return scheme


@command(
    "incentives.scheme.version.add", "添加薪酬方案版本", "Add a version of a pay scheme", permission=STATEMENTS_RUN
)
async def add_version(
    session: WriteSession,
    scheme_id: UUID,
    effective_from: date,
    document: Mapping[str, Any],
    *,
    today: date,
    reason: str | None = None,
) -> PaySchemeVersion:
    """The figures of a scheme from a month on; earlier versions stay for the months before. Money in fen.

    What was approved keeps the version that it was worked out with. Raises PaySchemeNotFound, InvalidInput,
    SchemeRefused naming every row that is wrong.
    """
    scheme = await scheme_in_reach(session, scheme_id, STATEMENTS_RUN, today, lock=True)
    clean = read_scheme(document).model_dump(mode="json")
    number = await session.scalar(
        select(func.coalesce(func.max(PaySchemeVersion.number), 0)).where(
            session.within(PaySchemeVersion), PaySchemeVersion.scheme_id == scheme.id
        )
    )
    made = PaySchemeVersion(
        id=new_id(),
        scheme_id=scheme.id,
        number=number + 1,
        effective_from=first_of("effective_from", effective_from),
        document=clean,
        rule_version=RULE_VERSION,
        reason=None if reason is None else body("reason", reason),
        made_by=session.actor.id,
    )
    session.add(made)
    await record(
        session,
        "incentives.scheme.version.add",
        Subject("pay_scheme", scheme.id),
        after={"number": made.number, "effective_from": effective_from, "document": clean},
        reason=made.reason,
    )
    return made


async def version_in_force(session: TenantSession, scheme_id: UUID, month: date) -> PaySchemeVersion:
    """The version that a month is worked out by: the latest that has taken effect, of two at once the later one.

    Raises NoSchemeInForce.
    """
    found: PaySchemeVersion | None = await session.scalar(
        select(PaySchemeVersion)
        .where(
            session.within(PaySchemeVersion),
            PaySchemeVersion.scheme_id == scheme_id,
            PaySchemeVersion.effective_from <= month,
        )
        .order_by(PaySchemeVersion.effective_from.desc(), PaySchemeVersion.number.desc())
        .limit(1)
    )
    if found is None:
        raise NoSchemeInForce(month=month_name(month))
    return found


def read_version(kept: PaySchemeVersion) -> SchemeVersion:
    """The version as the rules take it."""
    return SchemeVersion(
        number=kept.number,
        effective_from=kept.effective_from,
        rule_version=kept.rule_version,
        scheme=read_scheme(kept.document),
    )


def snapshot(scheme: PayScheme) -> dict[str, Any]:
    """A scheme as the audit log keeps it."""
    return {name: getattr(scheme, name) for name in ("key", "title_zh", "title_en", "unit_id", "status")}
