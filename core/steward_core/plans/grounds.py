"""What asks for the actions of a month: policies by class of clients, and triggers. Each is written down once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from steward_core.database.bulk import insert_many
from steward_core.industry.evaluation import Declared
from steward_core.plans.models import PlanGround
from steward_core.visits.rules import Resolved
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

COLUMNS = (
    "source",
    "title_zh",
    "title_en",
    "lines_zh",
    "lines_en",
    "interval_zh",
    "interval_en",
    "first_days",
)


@dataclass(frozen=True)
class Ground:
    """The content of one."""

    source: str
    title_zh: str
    title_en: str
    lines_zh: str
    lines_en: str
    interval_zh: str | None = None
    interval_en: str | None = None
    first_days: int | None = None

    @property
    def digest(self) -> str:
        """Tells one content from another."""
        listed = json.dumps([getattr(self, name) for name in COLUMNS], ensure_ascii=False)
        return hashlib.sha256(listed.encode()).hexdigest()[:32]


def of_policy(held: Resolved) -> Ground:
    """The ground of a policy that holds for a class."""
    return Ground(
        held.policy.key,
        *held.policy.title,
        *_joined(held.lines),
        *held.interval.text,
        held.first_visit_days,
    )


def of_trigger(one: Declared) -> Ground:
    """The ground of a trigger."""
    title: Bilingual = one.what.title
    return Ground(one.key, *title, f"提醒：{title.zh}", f"Reminder: {title.en}")


def _joined(lines: Sequence[Bilingual]) -> tuple[str, str]:
    return "\n".join(line.zh for line in lines), "\n".join(line.en for line in lines)


async def write_grounds(session: WriteSession, month: date, grounds: Iterable[Ground]) -> Mapping[Ground, UUID]:
    """Their ids; those that stand in the month already keep theirs."""
    by_digest = {ground.digest: ground for ground in grounds}
    if not by_digest:
        return {}
    given = list(by_digest.values())
    columns = {name: [getattr(ground, name) for ground in given] for name in COLUMNS}
    await insert_many(
        session,
        PlanGround,
        {
            "id": [new_id() for _ in given],
            "month": [month] * len(given),
            "digest": list(by_digest),
            **columns,
        },
        unless_there=True,
    )
    rows = await session.rows(
        select(PlanGround.digest, PlanGround.id).where(
            session.within(PlanGround),
            PlanGround.month == month,
            PlanGround.digest == any_(bindparam(None, sorted(by_digest), type_=ARRAY(Text()))),
        )
    )
    return {by_digest[digest]: ground_id for digest, ground_id in rows}
