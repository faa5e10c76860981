"""An advisor's answer about an opportunity (telecom: access of a leased line), kept as evidence to be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from steward_core.industry.declarations import Advice, Advisor
from steward_core.industry.dispatcher import ask
from steward_core.industry.enabled import enabled
from steward_core.industry.registry import advisor_of, industry_of
from steward_core.opportunities.errors import AdviceNotFound, RuleVersionGone
from steward_core.opportunities.models import OpportunityAdvice
from steward_core.opportunities.reach import below, to_change
from steward_core.permissions import OPPORTUNITIES_EDIT, OPPORTUNITIES_VIEW
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid

SUBJECT = "opportunity_advice"


@command(
    "opportunities.advice.ask", "就商机咨询规则", "Ask an advisor about an opportunity", permission=OPPORTUNITIES_EDIT
)
async def ask_advice(
    session: WriteSession, opportunity_id: UUID, advisor: str, question: Any, *, today: date
) -> OpportunityAdvice:
    """Ask an advisor (by full key) and keep the answer on the opportunity, with all it was answered from.

    Raises OpportunityNotFound, OpportunityEnded, AdvisorNotFound, InvalidInput naming every bad field, PluginFailed.
    """
    opportunity = await to_change(session, opportunity_id, today=today)
    if not isinstance(question, Mapping):
        raise invalid("question", "object", "问题应为 JSON 对象。", "The question is a JSON object.")
    advice = await ask(session, advisor, question)
    declared = advisor_of(advisor)
    plugin = next(one for one in await enabled(session) if one.key == advisor.partition(".")[0])
    asked = declared.question.model_validate(question)
    row = OpportunityAdvice(
        id=new_id(),
        opportunity_id=opportunity.id,
        advisor=advisor,
        rule_version=declared.rule_version,
        plugin_version=plugin.industry.version,
        question=asked.model_dump(mode="json"),
        settings=_figures(plugin.settings),
        asked_by=session.actor.id,
        **_stored(advice),
    )
    session.add(row)
    await session.flush()
    await record(
        session,
        "opportunities.advice.ask",
        Subject(SUBJECT, row.id),
        after={"opportunity_id": opportunity.id, "advisor": advisor, "answer": row.answer},
    )
    return row


@dataclass(frozen=True)
class ReplayedAdvice:
    """An answer that was kept and what the same rule makes of the same question and settings."""

    advice_id: UUID
    rule_version: int
    differs: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether it came out as kept."""
        return not self.differs


async def replay_advice(session: TenantSession, advice_id: UUID, *, today: date) -> ReplayedAdvice:
    """Answer again from what is kept, by the rule version of then, whether its plugin is on here or not.

    Raises Forbidden, AdviceNotFound, AdvisorNotFound, RuleVersionGone.
    """
    require(session.actor, OPPORTUNITIES_VIEW)
    row = await session.find(
        OpportunityAdvice,
        OpportunityAdvice.id == advice_id,
        below(session, OPPORTUNITIES_VIEW, today, OpportunityAdvice),
    )
    if row is None:
        raise AdviceNotFound
    declared = advisor_of(row.advisor)
    settings = industry_of(row.advisor.partition(".")[0]).industry.settings.model_validate(row.settings)
    answer = _rule(declared, row)(settings, declared.question.model_validate(row.question))
    again = _stored(answer)
    differs = tuple(name for name, value in again.items() if value != getattr(row, name))
    return ReplayedAdvice(row.id, row.rule_version, differs)


def _rule(declared: Advisor, row: OpportunityAdvice) -> Any:
    if row.rule_version == declared.rule_version:
        return declared.answer
    if row.rule_version not in declared.past_answers:
        raise RuleVersionGone(advisor=row.advisor, version=row.rule_version)
    return declared.past_answers[row.rule_version]


def _stored(advice: Advice) -> dict[str, Any]:
    return {
        "answer": advice.answer,
        "title_zh": advice.title.zh,
        "title_en": advice.title.en,
        "lines": [line._asdict() for line in advice.lines],
        "figures": to_jsonable_python(dict(advice.figures)),
    }


def _figures(settings: BaseModel) -> dict[str, Any]:
    """The plugin's settings as they were; secrets are kept only as masked."""
    return settings.model_dump(mode="json")
