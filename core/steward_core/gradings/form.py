"""What every grading's form holds beside its scheme's own fields, and the states of its records."""

from __future__ import annotations

from typing import Annotated

from steward_core.forms.declared import fields_of
from steward_core.forms.fields import Body, Code, Count, Stars, Widget, computed, field
from steward_core.forms.form import Form, State, StateFlow
from steward_tenants.texts import Bilingual

PREVIEW = State("preview", Bilingual("预览", "Preview"), counts=False, editable=False)
BOUND = State("bound", Bilingual("已生效", "Bound"), editable=False)
SUPERSEDED = State("superseded", Bilingual("已被替代", "Superseded"), counts=False, editable=False)
DISCARDED = State("discarded", Bilingual("已作废", "Discarded"), counts=False, editable=False)
GRADING_FLOW = StateFlow((PREVIEW, BOUND, SUPERSEDED, DISCARDED), ())
"""No moves: a grading's records change their state together, with the grading."""


class GradingForm(Form):
    """The base of a grading's form. The platform fills these fields in from what the scheme decides.

    `score` is in hundredths of a point; rank 1 is the best; the `previous_` fields are the bound result of the period
    before, empty for a client that had none. The reasons are one line for each step of the decision.
    """

    score: Annotated[Count, field("总分（百分之一分）", "Total (hundredths of a point)", filterable=True)]
    star: Annotated[Stars, field("星级", "Stars", widget=Widget.STARS, filterable=True)]
    grade: Annotated[Count, field("档位", "Grade", filterable=True)]
    rank: Annotated[Count, field("名次", "Rank", filterable=True)]
    tier: Annotated[Code | None, field("对应客户等级", "Client tier")] = None
    previous_score: Annotated[Count | None, field("上期总分（百分之一分）", "Total last time (hundredths)")] = None
    previous_star: Annotated[Stars | None, field("上期星级", "Stars last time", widget=Widget.STARS)] = None
    previous_grade: Annotated[Count | None, field("上期档位", "Grade last time")] = None
    previous_rank: Annotated[Count | None, field("上期名次", "Rank last time")] = None
    reasons_zh: Annotated[Body | None, field("评级说明（中文）", "Reasons (Chinese)", widget=Widget.BODY)] = None
    reasons_en: Annotated[Body | None, field("评级说明（英文）", "Reasons (English)", widget=Widget.BODY)] = None

    @computed("星级变化", "Change of stars", filterable=True)
    def star_change(self) -> int | None:
        """Stars more than last time; None without a last time."""
        return None if self.previous_star is None else self.star - self.previous_star

    @computed("档位变化", "Change of grade", filterable=True)
    def grade_change(self) -> int | None:
        """Grades more than last time; None without a last time."""
        return None if self.previous_grade is None else self.grade - self.previous_grade

    @classmethod
    def titles(cls) -> dict[str, Bilingual]:
        """The fields' titles by name."""
        return {one.name: one.title for one in fields_of(cls)}
