"""Whether a month can be closed, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from steward_core.months.errors import WholeCompanyNeeded
from steward_core.months.queries import standing_of
from steward_core.permissions import MONTHS_RUN
from steward_core.visits.actions import month_of
from steward_graphql.declared.scalars import BOOLEAN, DATE, ID, INT
from steward_graphql.declared.shapes import Asked, Function, ListOf
from steward_graphql.functions.parts import argument, part, shape
from steward_tenants.access.rules import reaches_everything, require
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

STANDING = shape(
    "MonthStanding",
    "月份能否关闭",
    "Whether a month can be closed",
    part("possible", BOOLEAN, "能否关闭", "Whether it can be closed"),
    part("approved", INT, "结果已批准的计划数", "Plans with approved results"),
    part("letThrough", INT, "主管放行的计划数", "Plans that a supervisor let through"),
    part("blocking", INT, "阻止关闭的计划数", "Plans that block it"),
    part("blockingIds", ListOf(ID), "其中至多 1000 份计划的编号", "Identifiers of at most 1000 of them"),
)


@dataclass(frozen=True)
class Standing:
    """What the API tells of a month's closing."""

    possible: bool
    approved: int
    let_through: int
    blocking: int
    blocking_ids: list[str]


async def _standing(session: ReadSession, asked: Asked, month: date) -> Standing:  # noqa: ARG001 - how functions are called
    require(session.actor, MONTHS_RUN)
    if not reaches_everything(session.actor, MONTHS_RUN):
        raise WholeCompanyNeeded
    found = await standing_of(session, month_of(month))
    named = [str(one) for one in found.blocking[:1000]]
    return Standing(found.possible, len(found.approved), len(found.overridden), len(found.blocking), named)


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "monthStanding",
        Bilingual("月份能否关闭，以及哪些计划阻止关闭", "Whether a month can be closed, and which plans block it"),
        STANDING,
        _standing,
        (argument("month", DATE, "该月中的任意一天", "Any day of the month", required=True),),
        cost=20,
    ),
)
