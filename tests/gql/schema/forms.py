"""A plugin with a form that has a field of every sort."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from steward_core.forms.fields import Body, Choice, Money, Percent, Stars, Text, computed, field
from steward_core.forms.form import Form, FormInfo, FormPart, SubjectKind
from steward_core.industry.declarations import Industry
from steward_tenants.access.fields import EMAIL, PHONE
from steward_tenants.texts import Bilingual


class Size(Choice):
    """Sizes."""

    SMALL = "small", "小", "Small"
    VERY_LARGE = "very-large", "特大", "Very large"


class Odd(Choice):
    """Keys that are no names in GraphQL."""

    HALF = "0.5", "一半", "A half"
    WHOLE = "1", "全部", "All"


class Row(FormPart):
    """One row of a table."""

    brand: Annotated[Text, field("品牌", "Brand")]


class Everything(Form):
    """A field of every sort."""

    about = FormInfo("every_thing", Bilingual("全部", "Everything"), SubjectKind.CLIENT, version=2)
    name: Annotated[Text, field("名称", "Name", filterable=True)]
    note: Annotated[Body | None, field("备注", "Note")] = None
    stars: Annotated[Stars | None, field("星级", "Stars", filterable=True)] = None
    big: Annotated[int | None, field("数量", "Number", filterable=True)] = None
    price: Annotated[Money | None, field("价格", "Price", hint=("不含税", "Without tax"), filterable=True)] = None
    weight: Annotated[
        Decimal | None, Field(max_digits=12, decimal_places=3), field("重量", "Weight", filterable=True)
    ] = None
    share: Annotated[Percent | None, field("份额", "Share")] = None
    day: Annotated[date | None, field("日期", "Day", filterable=True)] = None
    moment: Annotated[datetime | None, field("时间", "Moment", filterable=True)] = None
    open: Annotated[bool | None, field("是否开放", "Open", filterable=True)] = None
    size: Annotated[Size | None, field("大小", "Size", filterable=True)] = None
    odd: Annotated[Odd | None, field("比例", "Ratio", filterable=True)] = None
    sizes: Annotated[list[Size] | None, field("各种大小", "Sizes", filterable=True)] = None
    words: Annotated[list[Text] | None, field("词", "Words", filterable=True)] = None
    days: Annotated[list[date] | None, field("各日", "Days")] = None
    photo: Annotated[UUID | None, field("照片", "Photo")] = None
    part: Annotated[Row | None, field("分组", "Part")] = None
    rows: Annotated[list[Row] | None, field("各行", "Rows")] = None
    phone: Annotated[Text | None, field("电话", "Phone", masked=PHONE)] = None
    mail: Annotated[Text | None, field("邮箱", "Mail", masked=EMAIL)] = None
    number: Annotated[int | None, field("证件", "Number", masked=PHONE)] = None
    title: Annotated[Text | None, field("标题", "Title")] = None

    @computed("双倍", "Twice", filterable=True)
    def twice(self) -> int:
        """Twice the number."""
        return 2 * (self.big or 0)


class Care(Form):
    """About a contact."""

    about = FormInfo("care", Bilingual("关怀", "Care"), SubjectKind.CONTACT)
    wish: Annotated[Text, field("愿望", "Wish")]


class Branch(Form):
    """About an area."""

    about = FormInfo("branch", Bilingual("网点", "Branch"), SubjectKind.UNIT)
    city: Annotated[Text, field("城市", "City")]


INDUSTRY = Industry(
    key="sorts",
    title=Bilingual("样例", "Sorts"),
    version="1",
    description=Bilingual("样例", "Every sort of field"),
    forms=(Everything, Care, Branch),
)
