"""The forms of the tobacco industry that hang on a client [001#10, 001#11, 002]."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from steward_core.forms.fields import (
    Body,
    Code,
    Count,
    Money,
    Percent,
    Quantity,
    Stars,
    Text,
    Widget,
    computed,
    field,
)
from steward_core.forms.form import APPROVAL, Form, FormInfo, Several, SubjectKind
from steward_core.gradings.form import GRADING_FLOW, GradingForm
from steward_tenants.texts import Bilingual
from steward_tobacco.choices import (
    BusinessDistrict,
    Effect,
    Judgement,
    MarketType,
    OrderingDay,
    OrderingWay,
    Reaction,
    ServiceKind,
    ServiceTopic,
    TradeForm,
    Weakness,
)

LICENCE_NUMBER = r"^\d{12}$"
LicenceNumber = Annotated[str, StringConstraints(pattern=LICENCE_NUMBER, strip_whitespace=True)]
"""The number of a tobacco retail licence 烟草专卖零售许可证: 12 digits."""
Hundredths = Annotated[int, Field(ge=0, le=10_000)]
IndicatorPoints = Annotated[int, Field(ge=0, le=10_000)]


class RetailerProfile(Form):
    """What the company knows of a retailer; one for each client."""

    about = FormInfo(
        "retailer_profile",
        Bilingual("零售户档案", "Retailer profile"),
        SubjectKind.CLIENT,
        Several.ONE,
        title_field="licence_number",
    )
    licence_number: Annotated[
        LicenceNumber,
        field("许可证号", "Licence number", filterable=True, headers=("专卖许可证号", "专卖证号")),
    ]
    licence_issued_on: Annotated[date | None, field("发证日期", "Licence issued", headers=("许可证发证日期",))] = None
    licence_expires_on: Annotated[
        date, field("许可证有效期至", "Licence expires", filterable=True, headers=("有效期止", "有效期限"))
    ]
    trade_form: Annotated[TradeForm, field("业态", "Trade form", filterable=True, headers=("经营业态",))]
    market_type: Annotated[MarketType, field("市场类型", "Market type", filterable=True)]
    business_district: Annotated[
        BusinessDistrict | None, field("商圈类型", "Business district", filterable=True, headers=("商圈",))
    ] = None
    ordering_day: Annotated[OrderingDay | None, field("订货日", "Ordering day", filterable=True)] = None
    ordering_way: Annotated[OrderingWay | None, field("订货方式", "Ordering way", filterable=True)] = None
    settlement_signed: Annotated[
        bool | None,
        field(
            "已签电子结算",
            "E-settlement signed",
            filterable=True,
            headers=("电子结算", "是否电子结算"),
            hint=("未知时留空：填“否”则测评中该项计 0 分", "empty: not known; “no” gives no points in the grading"),
        ),
    ] = None
    settlement_balance_ok: Annotated[
        bool | None, field("结算账户余额充足", "Settlement balance sufficient", headers=("余额是否充足",))
    ] = None
    reasonable_volume: Annotated[
        Count | None,
        field("合理定量（条/次）", "Reasonable volume (cartons)", headers=("合理定量", "订货限量")),
    ] = None
    delivery_route: Annotated[Code | None, field("送货线路", "Delivery route", filterable=True)] = None
    floor_area: Annotated[
        Quantity | None, field("经营面积（平方米）", "Floor area (square metres)", headers=("经营面积",))
    ] = None
    note: Annotated[Body | None, field("备注", "Note", widget=Widget.BODY)] = None

    @model_validator(mode="after")
    def _expires_after_issue(self) -> RetailerProfile:
        if self.licence_issued_on is not None and self.licence_expires_on <= self.licence_issued_on:
            raise ValueError("许可证有效期应晚于发证日期。 / The licence must expire after its issue.")
        return self


class RetailerGrading(GradingForm):
    """One retailer's grading for a period: the inputs, each indicator's points (in hundredths), and what was decided.

    Cartons and rates are in hundredths. An empty input is a figure that was not there. Licence and law record give no
    points: they are a gate.
    """

    about = FormInfo(
        "retailer_grading",
        Bilingual("零售户星级测评", "Retailer grading"),
        SubjectKind.CLIENT,
        Several.PERIOD,
        flow=GRADING_FLOW,
        by_people=False,
    )
    licence_number: Annotated[Text | None, field("许可证号", "Licence number")] = None
    licence_lapsed: Annotated[bool | None, field("期末许可证已过期", "Licence lapsed by the period's end")] = None
    months: Annotated[Count | None, field("计算月数", "Months counted")] = None
    cartons: Annotated[Count | None, field("购进量（百分之一条）", "Cartons bought (hundredths)")] = None
    cartons_before: Annotated[Count | None, field("上期购进量（百分之一条）", "Cartons of the period before")] = None
    amount: Annotated[Money | None, field("购进金额", "Amount bought", widget=Widget.MONEY)] = None
    orders_due: Annotated[Count | None, field("应订货次数", "Orders due")] = None
    orders_placed: Annotated[Count | None, field("实际订货次数", "Orders placed")] = None
    orders_fulfilled: Annotated[Count | None, field("满足订单数", "Orders fulfilled")] = None
    settlement_signed: Annotated[bool | None, field("已签电子结算", "E-settlement signed")] = None
    settlement_attempts: Annotated[Count | None, field("电子结算次数", "E-settlements tried")] = None
    settlement_successes: Annotated[Count | None, field("电子结算成功次数", "E-settlements that succeeded")] = None
    brands_targeted: Annotated[Count | None, field("重点品牌数", "Target brands")] = None
    brands_on_shelf: Annotated[Count | None, field("已上柜重点品牌数", "Target brands on shelf")] = None
    display_rate: Annotated[Hundredths | None, field("陈列达标率", "Display to standard")] = None
    tags_rate: Annotated[Hundredths | None, field("标价规范率", "Honest price tags")] = None
    cooperation_rate: Annotated[Hundredths | None, field("配合度", "Cooperation")] = None
    minor_violations: Annotated[Count | None, field("轻微违规次数", "Minor violations")] = None
    major_violations: Annotated[Count | None, field("严重违规次数", "Major violations")] = None
    points_volume: Annotated[IndicatorPoints | None, field("购进量得分", "Points: volume")] = None
    points_value: Annotated[IndicatorPoints | None, field("条均值得分", "Points: value per carton")] = None
    points_growth: Annotated[IndicatorPoints | None, field("增幅得分", "Points: growth")] = None
    points_regularity: Annotated[IndicatorPoints | None, field("订货规律得分", "Points: ordering regularity")] = None
    points_fulfilment: Annotated[IndicatorPoints | None, field("订单满足得分", "Points: order fulfilment")] = None
    points_settlement: Annotated[IndicatorPoints | None, field("电子结算得分", "Points: e-settlement")] = None
    points_shelf: Annotated[IndicatorPoints | None, field("品牌上柜得分", "Points: brands on shelf")] = None
    points_display: Annotated[IndicatorPoints | None, field("陈列得分", "Points: display")] = None
    points_tags: Annotated[IndicatorPoints | None, field("明码标价得分", "Points: price tags")] = None
    points_cooperation: Annotated[IndicatorPoints | None, field("配合得分", "Points: cooperation")] = None


class BrandStock(BaseModel):
    """The stock of one brand, as a line of a visit."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)
    brand: Annotated[Text, field("品牌", "Brand")]
    cartons: Annotated[Quantity, field("库存（条）", "Cartons on hand")]


class TobaccoVisit(Form):
    """What is seen and done at a retailer's."""

    about = FormInfo("visit", Bilingual("烟草走访记录", "Tobacco visit"), SubjectKind.CLIENT, title_field="visited_on")
    visited_on: Annotated[date, field("走访日期", "Visited on", filterable=True)]
    visit_id: Annotated[UUID | None, field("走访", "Visit", filterable=True)] = None
    stock: Annotated[list[BrandStock], Field(max_length=200), field("分品牌库存", "Stock by brand")] = []
    out_of_stock: Annotated[bool, field("有断货", "Out of stock", filterable=True)] = False
    missing_brands: Annotated[list[Text], Field(max_length=50), field("断货品牌", "Brands out of stock")] = []
    price_tags: Annotated[Judgement | None, field("明码标价", "Price tags", filterable=True)] = None
    display: Annotated[Judgement | None, field("陈列", "Display", filterable=True)] = None
    display_photo: Annotated[UUID | None, field("陈列照片", "Display photo", widget=Widget.FILE)] = None
    new_brands_on_shelf: Annotated[list[Text], Field(max_length=50), field("新品上柜", "New brands on shelf")] = []
    promotions_explained: Annotated[bool, field("已讲解促销政策", "Promotions explained")] = False
    cooperation: Annotated[Stars | None, field("配合程度", "Cooperation", widget=Widget.STARS)] = None
    wish: Annotated[Body | None, field("客户诉求", "Client's wish", widget=Widget.BODY)] = None
    irregular_goods: Annotated[bool, field("发现非正规货源", "Irregular goods seen", filterable=True)] = False
    irregular_note: Annotated[Body | None, field("非正规货源说明", "About those goods", widget=Widget.BODY)] = None

    @model_validator(mode="after")
    def _says_what(self) -> TobaccoVisit:
        if self.irregular_goods and self.irregular_note is None:
            raise ValueError("请说明发现的非正规货源。 / Say what irregular goods were seen.")
        if self.missing_brands and not self.out_of_stock:
            raise ValueError("列出断货品牌时请勾选“有断货”。 / Tick “out of stock” where brands are listed.")
        return self


class BrandBuilding(Form):
    """How far a target brand has come at a retailer's; one for each brand."""

    about = FormInfo(
        "brand_building",
        Bilingual("品牌培育", "Brand building"),
        SubjectKind.CLIENT,
        Several.FIELD,
        slot_field="brand",
        title_field="brand",
    )
    brand: Annotated[Text, field("品牌", "Brand", filterable=True, headers=("品牌规格", "卷烟规格"))]
    target: Annotated[bool, field("重点品牌", "Target brand", filterable=True)] = True
    on_shelf: Annotated[bool, field("已上柜", "On shelf", filterable=True, headers=("是否上柜",))] = False
    first_ordered_on: Annotated[date | None, field("首次订货", "First order")] = None
    reordered_on: Annotated[date | None, field("再次订货", "Reorder")] = None
    shelf_share: Annotated[Percent | None, field("陈列占比（%）", "Shelf share (%)", widget=Widget.PERCENT)] = None
    reaction: Annotated[Reaction, field("消费者反映", "Consumer reaction", filterable=True)] = Reaction.UNKNOWN
    note: Annotated[Body | None, field("备注", "Note", widget=Widget.BODY)] = None

    @model_validator(mode="after")
    def _reorder_after_first(self) -> BrandBuilding:
        if self.reordered_on is not None and (
            self.first_ordered_on is None or self.reordered_on < self.first_ordered_on
        ):
            raise ValueError("再次订货应晚于首次订货。 / A reorder comes after the first order.")
        return self

    @computed("已再次订货", "Reordered", filterable=True)
    def reordered(self) -> bool:
        """Whether the brand was ordered again."""
        return self.reordered_on is not None


class GuidanceCard(Form):
    """Guidance on a retailer's business: a weakness found, the measure, and its effect a month later."""

    about = FormInfo(
        "guidance_card", Bilingual("经营指导卡", "Guidance card"), SubjectKind.CLIENT, title_field="given_on"
    )
    given_on: Annotated[date, field("指导日期", "Given on", filterable=True)]
    product_mix: Annotated[Body | None, field("品类结构建议", "Product mix", widget=Widget.BODY)] = None
    order_advice: Annotated[Body | None, field("订货建议", "Order advice", widget=Widget.BODY)] = None
    display_advice: Annotated[Body | None, field("陈列建议", "Display", widget=Widget.BODY)] = None
    capital_advice: Annotated[Body | None, field("资金安排", "Capital", widget=Widget.BODY)] = None
    best_stock: Annotated[Quantity | None, field("最佳库存（条）", "Best stock (cartons)")] = None
    weakness: Annotated[Weakness, field("发现的短板", "Weakness found", filterable=True)]
    measure: Annotated[Body, field("改进措施", "Measure", widget=Widget.BODY)]
    effect: Annotated[Effect | None, field("次月效果", "Effect next month", filterable=True)] = None
    effect_note: Annotated[Body | None, field("效果说明", "About the effect", widget=Widget.BODY)] = None


class VolumeRequest(Form):
    """A request to change a retailer's reasonable volume. Its state is the decision: somebody else approves what is
    asked for, or rejects it with the reason, after which less may be asked for."""

    about = FormInfo(
        "volume_request", Bilingual("合理定量申请", "Reasonable volume request"), SubjectKind.CLIENT, flow=APPROVAL
    )
    current: Annotated[Count, field("现定量（条/次）", "Current volume (cartons an order)")]
    asked: Annotated[Count, field("申请定量（条/次）", "Volume asked for", filterable=True)]
    reason: Annotated[Body, field("申请理由", "Reason", widget=Widget.BODY)]

    @model_validator(mode="after")
    def _asks_for_a_change(self) -> VolumeRequest:
        if self.asked == self.current:
            raise ValueError("申请定量与现定量相同。 / The volume asked for is the current one.")
        return self

    @computed("申请增减（条）", "Change asked for (cartons)", filterable=True)
    def change(self) -> int:
        """Cartons an order more than now."""
        return self.asked - self.current


class ServiceRequest(Form):
    """A complaint, wish or question of a retailer, and its answer."""

    about = FormInfo(
        "service_request", Bilingual("投诉与诉求", "Complaint or wish"), SubjectKind.CLIENT, title_field="topic"
    )
    received_on: Annotated[date, field("受理日期", "Received on", filterable=True)]
    kind: Annotated[ServiceKind, field("类别", "Kind", filterable=True)]
    topic: Annotated[ServiceTopic, field("事项", "Topic", filterable=True)]
    content: Annotated[Body, field("内容", "Content", widget=Widget.BODY)]
    contacted_on: Annotated[date | None, field("联系客户日期", "Client contacted on")] = None
    answered_on: Annotated[date | None, field("答复日期", "Answered on", filterable=True)] = None
    answer: Annotated[Body | None, field("答复内容", "Answer", widget=Widget.BODY)] = None
    handled_by: Annotated[Text | None, field("处理人", "Handled by", personal=True)] = None
    satisfaction: Annotated[
        Stars | None, field("客户满意度", "Client's satisfaction", widget=Widget.STARS, filterable=True)
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> ServiceRequest:
        for day in (self.contacted_on, self.answered_on):
            if day is not None and day < self.received_on:
                raise ValueError("联系和答复不得早于受理日期。 / Contact and answer come after the receipt.")
        if (self.answered_on is None) is not (self.answer is None):
            raise ValueError("答复日期与答复内容应同时填写。 / An answer has its day and its text.")
        return self

    @computed("已答复", "Answered", filterable=True)
    def answered(self) -> bool:
        """Whether it has been answered."""
        return self.answered_on is not None


FORMS: tuple[type[Form], ...] = (
    RetailerProfile,
    RetailerGrading,
    TobaccoVisit,
    BrandBuilding,
    GuidanceCard,
    VolumeRequest,
    ServiceRequest,
)
