"""An invented industry with a form of every sort, and a tenant that has it on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field, model_validator

from steward_core.forms.fields import (
    Body,
    Choice,
    Code,
    Count,
    Day,
    Moment,
    Money,
    Percent,
    Quantity,
    Refused,
    Stars,
    Text,
    Widget,
    computed,
    field,
)
from steward_core.forms.form import APPROVAL, Form, FormInfo, FormPart, Several, SubjectKind
from steward_core.industry.declarations import Industry
from steward_core.industry.hookspecs import hookimpl
from steward_core.industry.registry import registered
from steward_core.industry.service import enable
from steward_tenants.access.fields import PHONE
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual
from tests.core.factories import make_client, make_kinds
from tests.factories import TESTS, make_tenant

KEY = "workshop"
TODAY = date(2026, 11, 5)


class Mood(Choice):
    """How it went."""

    GOOD = "good", "良好", "Good"
    BAD = "bad", "不佳", "Bad"


class Part(FormPart):
    """One part that was used."""

    name: Annotated[Text, field("配件", "Part")]
    number: Annotated[Count, field("数量", "Number")] = 1


class Inspection(Form):
    """A form with a field of every type."""

    about: ClassVar[FormInfo] = FormInfo(
        "inspection", Bilingual("设备巡检", "Inspection"), SubjectKind.CLIENT, title_field="subject"
    )
    subject: Annotated[Text, field("主题", "Subject", filterable=True, headers=("巡检主题",))]
    found: Annotated[Body | None, field("发现", "Findings", hint=("写明位置", "Say where"))] = None
    machine: Annotated[Code | None, field("设备号", "Machine", filterable=True)] = None
    machines: Annotated[Count, field("设备数", "Machines", filterable=True)] = 0
    cost: Annotated[Money | None, field("费用", "Cost", filterable=True)] = None
    share: Annotated[Percent | None, field("占比", "Share")] = None
    volume: Annotated[Quantity | None, field("用量", "Volume", filterable=True)] = None
    stars: Annotated[Stars | None, field("评分", "Stars")] = None
    next_on: Annotated[Day | None, field("下次日期", "Next on", filterable=True)] = None
    seen_at: Annotated[Moment | None, field("巡检时间", "Seen at", filterable=True)] = None
    urgent: Annotated[bool, field("是否紧急", "Urgent", filterable=True)] = False
    mood: Annotated[Mood | None, field("客户态度", "Mood", filterable=True)] = None
    moods: Annotated[list[Mood], field("历次态度", "Moods", filterable=True)] = Field(default_factory=list)
    tags: Annotated[list[Text], field("标签", "Tags", filterable=True)] = Field(default_factory=list, max_length=5)
    parts: Annotated[list[Part], field("更换配件", "Parts")] = Field(default_factory=list)
    phone: Annotated[Text | None, field("联系电话", "Phone", widget=Widget.PHONE, masked=PHONE, personal=True)] = None

    @model_validator(mode="after")
    def _urgent_says_why(self) -> Inspection:
        if self.urgent and not self.found:
            raise Refused("紧急情况须写明发现。", "An urgent inspection says what was found.")
        return self

    @computed("单台费用（分）", "Cost of a machine", filterable=True)
    def each(self) -> int | None:
        return None if self.cost is None or not self.machines else self.cost // self.machines

    @computed("占比小数", "Share as a fraction")
    def fraction(self) -> Decimal | None:
        return None if self.share is None else self.share / 100


class Card(Form):
    """One for each client."""

    about: ClassVar[FormInfo] = FormInfo("card", Bilingual("设备卡", "Card"), SubjectKind.CLIENT, several=Several.ONE)
    note: Annotated[Text, field("备注", "Note")]


class Month(Form):
    """One for each period."""

    about: ClassVar[FormInfo] = FormInfo(
        "month", Bilingual("月报", "Monthly report"), SubjectKind.CLIENT, several=Several.PERIOD
    )
    sales: Annotated[Money, field("销售额", "Sales", filterable=True)]


class Brand(Form):
    """One for each brand."""

    about: ClassVar[FormInfo] = FormInfo(
        "brand",
        Bilingual("品牌卡", "Brand card"),
        SubjectKind.CLIENT,
        several=Several.FIELD,
        slot_field="brand",
        title_field="brand",
    )
    brand: Annotated[Code, field("品牌", "Brand", filterable=True)]


class Wish(Form):
    """Somebody else decides."""

    about: ClassVar[FormInfo] = FormInfo(
        "wish", Bilingual("优惠申请", "Discount wish"), SubjectKind.CLIENT, flow=APPROVAL
    )
    reason: Annotated[Text, field("理由", "Reason", filterable=True)]


class Issue(Form):
    """About a person of one's own."""

    about: ClassVar[FormInfo] = FormInfo("issue", Bilingual("物品领用", "Issue"), SubjectKind.USER)
    asset: Annotated[Code, field("资产号", "Asset")]


class Area(Form):
    """About an area."""

    about: ClassVar[FormInfo] = FormInfo("area", Bilingual("片区情报", "Area report"), SubjectKind.UNIT)
    rumour: Annotated[Text, field("传闻", "Rumour")]


class Care(Form):
    """About a contact."""

    about: ClassVar[FormInfo] = FormInfo("care", Bilingual("关怀", "Care"), SubjectKind.CONTACT)
    liking: Annotated[Text, field("爱好", "Liking")]


class Made(Form):
    """Made by the platform."""

    about: ClassVar[FormInfo] = FormInfo("made", Bilingual("评定", "Rating"), SubjectKind.CLIENT, by_people=False)
    score: Annotated[Count, field("得分", "Score", filterable=True)]


FORMS: tuple[type[Form], ...] = (Inspection, Card, Month, Brand, Wish, Issue, Area, Care, Made)
INDUSTRY = Industry(
    KEY, Bilingual("修理行业", "Workshops"), "1.0", Bilingual("测试用行业", "An industry for tests"), forms=FORMS
)


@contextmanager
def installed(*forms: type[Form], hooks: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Have the industry installed inside the block, with other forms if some are named."""
    declared = replace(INDUSTRY, forms=forms or FORMS)

    @hookimpl
    def industry() -> Industry:
        return declared

    plugin = SimpleNamespace(industry=industry, **{name: hookimpl(hook) for name, hook in (hooks or {}).items()})
    with registered(plugin):
        yield


@dataclass(frozen=True)
class Place:
    """A tenant that has the industry on, and a client of it."""

    tenant_id: UUID
    client_id: UUID


async def make_place(database: Database, **client: object) -> Place:
    """A tenant with the industry on and one client; inside `installed()` only."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_kinds(session)
        made = make_client(session, **client)
        await enable(session, KEY)
    return Place(tenant_id, made.id)


async def another_client(session: WriteSession, **values: object) -> UUID:
    """A further client."""
    made = make_client(session, **values)
    await session.flush()
    return made.id
