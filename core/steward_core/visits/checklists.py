"""Checklists before, during and after a visit: a tenant's own, copied into each visit when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from steward_core.forms.fields import Choice, Refused, field
from steward_core.permissions import POLICIES_MANAGE
from steward_tenants.configuration.settings import declare_setting

_Key = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")]
_Title = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class Stage(Choice):
    """When a checklist is gone through."""

    BEFORE = "before", "走访前", "Before"
    DURING = "during", "走访中", "During"
    AFTER = "after", "走访后", "After"


class ChecklistItem(BaseModel):
    """One thing to see to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[_Key, field("键", "Key")]
    zh: Annotated[_Title, field("名称（中文）", "Title (Chinese)")]
    en: Annotated[_Title, field("名称（英文）", "Title (English)")]


_Items = Annotated[tuple[ChecklistItem, ...], Field(max_length=30)]


def _items(*items: tuple[str, str, str]) -> tuple[ChecklistItem, ...]:
    return tuple(ChecklistItem(key=key, zh=zh, en=en) for key, zh, en in items)


BEFORE = _items(
    ("aim", "明确走访目的", "Aim of the visit"),
    ("last_conversations", "回顾以往沟通", "Last conversations"),
    ("client_facts", "调阅客户产品、账单、合同与欠费", "The client's products, bills, contract, arrears"),
    ("trade_news", "了解客户行业动态", "News of the client's trade"),
    ("materials", "准备资料", "Materials"),
    ("time_confirmed", "确认时间", "Time confirmed"),
    ("route", "规划路线", "Route"),
)
DURING = _items(
    ("check_in", "签到并拍照", "Check-in with photo"),
    ("persons", "记录会见人员", "Who was met"),
    ("needs", "挖掘四类需求", "Needs in the four areas"),
    ("wishes", "记录诉求与投诉", "Wishes and complaints"),
    ("competitors", "留意竞争动向", "Signs of competitors"),
)
AFTER = _items(
    ("thanks", "致谢", "Thank-you"),
    ("summary", "走访小结", "Summary"),
    ("next_step", "下一步及期限", "Next step and due day"),
    ("intention", "评定客户意向", "Grade of intention"),
    ("improvement", "改进记录", "Improvement notes"),
)


class Checklists(BaseModel):
    """The three checklists [000#5, 002 3S]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: Annotated[_Items, field("走访前", "Before")] = BEFORE
    during: Annotated[_Items, field("走访中", "During")] = DURING
    after: Annotated[_Items, field("走访后", "After")] = AFTER

    @model_validator(mode="after")
    def _keys_once(self) -> Checklists:
        for items in (self.before, self.during, self.after):
            keys = [item.key for item in items]
            if len(keys) != len(set(keys)):
                raise Refused("同一清单内的键不能重复。", "a key stands once in a checklist.")
        return self

    def of(self, stage: Stage) -> tuple[ChecklistItem, ...]:
        """One of the three."""
        found: tuple[ChecklistItem, ...] = getattr(self, stage.value)
        return found


CHECKLISTS = declare_setting(
    "visits.checklists",
    Checklists,
    Checklists(),
    "走访前、中、后的检查清单",
    "Checklists before, during and after a visit",
    permission=POLICIES_MANAGE,
)


def blank(template: Checklists, stage: Stage) -> dict[str, Any]:
    """A checklist of which nothing is done yet, as a visit keeps it."""
    items = [{"key": one.key, "zh": one.zh, "en": one.en, "done": False, "note": None} for one in template.of(stage)]
    return {"items": items}


def ticked(checklist: Mapping[str, Any], key: str, *, done: bool, note: str | None) -> dict[str, Any] | None:
    """The checklist with one item ticked or unticked; None: it has no such item."""
    items = [dict(one) for one in checklist.get("items", ())]
    for one in items:
        if one["key"] == key:
            one["done"], one["note"] = done, note
            return {**checklist, "items": items}
    return None
