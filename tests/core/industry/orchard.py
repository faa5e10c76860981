"""An invented industry with every kind of contribution, as a plugin object that tests vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, SecretStr
from sqlalchemy import ColumnElement, Date, Select, bindparam, cast, func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Uuid

from steward_core.clients.models import Client
from steward_core.database.context import QueryContext
from steward_core.forms.fields import Count, Text, computed, field
from steward_core.forms.form import Form, FormInfo, SubjectKind
from steward_core.industry.declarations import (
    Advice,
    Advisor,
    Cadence,
    DemoData,
    DemoWorld,
    FieldDescriptor,
    Freshness,
    Graded,
    GradingScheme,
    Importer,
    Indicator,
    Industry,
    Kind,
    MetricDeclaration,
    NavigationItem,
    Period,
    PluginSettings,
    PromiseDeclaration,
    Schedule,
    Template,
    Tier,
    Trade,
    Trigger,
)
from steward_core.industry.hookspecs import hookimpl
from steward_tenants.texts import Bilingual

KEY = "orchard"


class OrchardSettings(PluginSettings):
    """Figures of the orchard's rules."""

    trees: Annotated[int, field("每片果园的果树数", "Trees of an orchard")] = 40
    fruit: Annotated[str, field("水果", "Fruit")] = "apple"
    token: Annotated[SecretStr | None, field("接口密钥", "Key of the interface")] = None


class Harvest(Form):
    """What was picked."""

    about: ClassVar[FormInfo] = FormInfo("harvest", Bilingual("采摘记录", "Harvest"), SubjectKind.CLIENT)
    fruit: Annotated[Text, field("水果", "Fruit", filterable=True)]
    baskets: Annotated[Count, field("筐数", "Baskets")] = 0

    @computed("总重（公斤）", "Weight in kg")
    def weight(self) -> int:
        return self.baskets * 12


class Grade(Form):
    """An orchard's grade."""

    about: ClassVar[FormInfo] = FormInfo("grade", Bilingual("果园评级", "Grade"), SubjectKind.CLIENT, by_people=False)
    trees: Annotated[Count, field("果树数", "Trees")] = 0


class Weather(BaseModel):
    """What is asked."""

    degrees: Annotated[int, field("温度", "Degrees")]


def due_orchards(context: QueryContext) -> Select[Any]:
    """Every orchard is due today."""
    return select(
        Client.id.label("client_id"),
        cast(null(), Uuid()).label("subject_id"),
        cast(bindparam("today", context.today, unique=True), Date).label("due_on"),
        func.jsonb_build_object("trees", context.settings.trees).cast(JSONB).label("figures"),
    ).where(context.within(Client), Client.kind == "orchard")


def orchards_owned(context: QueryContext, _period: Period) -> Select[Any]:
    """How many orchards a manager has."""
    columns: tuple[Any, ...] = (Client.owner_id, func.count().label("value"))
    return select(*columns).where(context.within(Client), Client.kind == "orchard").group_by(Client.owner_id)


def tree_count(context: QueryContext, _row: ColumnElement[UUID]) -> ColumnElement[Any]:
    """The same for all."""
    return literal(context.settings.trees)


def frost(_settings: OrchardSettings, weather: Weather) -> Advice:
    """Whether to cover the trees."""
    cold = weather.degrees < 0
    return Advice("cover" if cold else "leave", Bilingual("防霜建议", "Frost"), (Bilingual("看温度。", "By degrees."),))


def decide(_policy: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> list[Graded]:
    """Everybody alike."""
    return [Graded({"trees": 1}, 1, 1, 1, 1, None, ()) for _ in inputs]


def demo(world: DemoWorld) -> DemoData:
    """One orchard."""
    return {"client": [{"name": "青山果园", "kind": "orchard", "unit": world.units[0]}]}


INDUSTRY = Industry(
    key=KEY,
    title=Bilingual("果园", "Orchards"),
    version="1.0.0",
    description=Bilingual("果园客户。", "Clients that grow fruit."),
    settings=OrchardSettings,
    kinds=(Kind("orchard", Bilingual("果园", "Orchard")), Kind("nursery", Bilingual("苗圃", "Nursery"))),
    tiers=(Tier("gold", Bilingual("金牌", "Gold"), 1), Tier("plain", Bilingual("普通", "Plain"), 2)),
    trades=(Trade("stone_fruit", Bilingual("核果", "Stone fruit")),),
    metrics=(MetricDeclaration("fruit_sold", Bilingual("水果销量", "Fruit sold"), "kg"),),
    forms=(Harvest, Grade),
    triggers=(Trigger("due", Bilingual("待访果园", "Orchards due"), due_orchards),),
    indicators=(Indicator("owned", Bilingual("负责果园数", "Orchards owned"), "clients", orchards_owned),),
    cadences=(Cadence("monthly", Bilingual("每月走访", "A visit a month"), 1, "month", kinds=("orchard",)),),
    freshness=(Freshness(("gold",), 3, 6),),
    promises=(PromiseDeclaration("answer", Bilingual("答复时限", "Answer"), "request", "working_days", 2, 1),),
    templates=(Template("ladder", "grower", Bilingual("果农序列", "Growers"), {"steps": []}),),
    importers=(Importer("ledger", Bilingual("台账", "Ledger"), "form:orchard.harvest", {"水果": "fruit"}),),
    navigation=(NavigationItem("harvests", Bilingual("采摘", "Harvests"), "form:harvest"),),
    schedules=(Schedule("yearly", Bilingual("年度评级", "Yearly grading"), "grading:yearly", "0 3 1 1 *"),),
    fields=(FieldDescriptor("client", "trees", Bilingual("果树数", "Trees"), "integer", tree_count),),
    advisors=(Advisor("frost", Bilingual("防霜", "Frost"), Weather, frost),),
    gradings=(
        GradingScheme(
            "yearly",
            Bilingual("年度评级", "Yearly grading"),
            Grade,
            ("orchard",),
            1,
            lambda settings: {"trees": settings.trees},
            lambda context, _period: due_orchards(context),
            decide,
            lambda _settings, day: Period(str(day.year), date(day.year, 1, 1), date(day.year + 1, 1, 1)),
        ),
    ),
    demo=demo,
)


def plugin(declared: object = None, /, *, hooks: Mapping[str, Any] | None = None, **changes: Any) -> SimpleNamespace:
    """A plugin object that declares `declared` (default: the orchard with `changes`) and has these hooks."""
    given = replace(INDUSTRY, **changes) if declared is None else declared

    @hookimpl
    def industry() -> Any:
        return given

    return SimpleNamespace(industry=industry, **{name: hookimpl(hook) for name, hook in (hooks or {}).items()})


def other(key: str, **changes: Any) -> SimpleNamespace:
    """A plugin that declares nothing but its key."""
    title = Bilingual("其他行业", "Another industry")
    return plugin(Industry(**{"key": key, "title": title, "version": "1.0", "description": title, **changes}))
