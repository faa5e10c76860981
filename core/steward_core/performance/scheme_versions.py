"""The versions of a tenant's score scheme: which is in force in a month, and setting a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select

from steward_core.industry.evaluation import Declared, indicators
from steward_core.performance.errors import SchemeRefused
from steward_core.performance.models import ScoreScheme
from steward_core.performance.schemes import Scheme, read_scheme
from steward_core.performance.templates import CORE_SCHEME
from steward_core.permissions import POLICIES_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

TURN = "performance/scheme"
BEFORE_ALL = date(2000, 1, 1)
"""From when the template holds: before any version of a tenant's own."""


@command("scores.scheme.set", "设定考核办法", "Set the score scheme", permission=POLICIES_MANAGE)
async def set_scheme(
    session: WriteSession, effective_from: date, items: Sequence[Mapping[str, Any]], *, reason: str | None = None
) -> ScoreScheme:
    """A new version of the tenant's scheme, in force from a month on until a later one is. Scores that are final stay
    as they are. Raises SchemeRefused naming each item and field."""
    known = await indicators(session)
    scheme = read_scheme([_filled(item, known) for item in items])
    problems = [
        FieldProblem(
            ("items", str(place), "indicator"),
            "unknown",
            Bilingual(
                f"第 {place + 1} 项：没有启用的指标 {item.indicator}。",
                f"Item {place + 1}: no indicator {item.indicator} is on here.",
            ),
        )
        for place, item in enumerate(scheme.items)
        if item.indicator not in known
    ]
    if effective_from.day != 1 or effective_from <= BEFORE_ALL:
        text = Bilingual("须从某月 1 日起生效。", "A version takes effect on the first day of a month.")
        problems.append(FieldProblem(("effective_from",), "month", text))
    if problems:
        raise SchemeRefused(problems=problems)
    made = await _add(session, scheme.document(), effective_from=effective_from, template=False, reason=reason)
    after = {"number": made.number, "effective_from": effective_from.isoformat(), "items": made.items}
    await record(session, "scores.scheme.set", Subject("score_scheme", made.id), after=after, reason=reason)
    return made


async def scheme_for(session: WriteSession, month: date) -> tuple[ScoreScheme, Scheme]:
    """The version in force in a month and its content; the product's template, kept as a version of its own, where the
    tenant has none yet."""
    found = await latest(session, month)
    if found is None or found.template:
        items = template_items(await indicators(session))
        if found is None or found.items != items:
            found = await _add(session, items, effective_from=BEFORE_ALL, template=True, reason=None)
    return found, read_scheme(found.items)


async def latest(session: TenantSession, month: date) -> ScoreScheme | None:
    """The version in force in a month, as far as one is kept."""
    found: ScoreScheme | None = await session.scalar(
        select(ScoreScheme)
        .where(session.within(ScoreScheme), ScoreScheme.effective_from <= month)
        .order_by(ScoreScheme.effective_from.desc(), ScoreScheme.number.desc())
        .limit(1)
    )
    return found


def template_items(known: Mapping[str, Declared]) -> list[dict[str, Any]]:
    """The items that the product ships."""
    return read_scheme([_filled(item, known) for item in CORE_SCHEME.content["items"]]).document()


def _filled(item: Mapping[str, Any], known: Mapping[str, Declared]) -> dict[str, Any]:
    """An item with what its indicator says of itself."""
    one = known.get(str(item.get("indicator")))
    given = {name: value for name, value in item.items() if value is not None}
    if one is None:
        return given
    what = one.what
    titles = {"title_zh": what.title.zh, "title_en": what.title.en}
    return {**given, **titles, "measure": what.measure, "better": what.better}


async def _add(
    session: WriteSession, items: list[dict[str, Any]], *, effective_from: date, template: bool, reason: str | None
) -> ScoreScheme:
    await take_turn(session, TURN)
    number = await session.scalar(
        select(func.coalesce(func.max(ScoreScheme.number), 0)).where(session.within(ScoreScheme))
    )
    made = ScoreScheme(
        id=new_id(),
        number=number + 1,
        effective_from=effective_from,
        items=items,
        template=template,
        reason=reason,
        created_by=session.actor.id,
    )
    session.add(made)
    await session.flush()
    return made
