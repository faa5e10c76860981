"""What is known of a client: VPN groups, key persons, lines and needs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from steward_core.forms.fields import (
    Body,
    Code,
    Count,
    Moment,
    Money,
    Percent,
    Refused,
    Stars,
    Text,
    Widget,
    computed,
    field,
)
from steward_core.forms.form import Form, FormInfo, Several, SubjectKind
from steward_telecom.choices import Festival, LineKind, NeedArea, RenewalState
from steward_telecom.values import Rate, ShortNumber, percent_off
from steward_tenants.texts import Bilingual

MOST_ROWS = 100


class Line(BaseModel):
    """A row of a form."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class VpnGroup(Form):
    """An enterprise VPN group 虚拟网群; a client has one record for each group number."""

    about = FormInfo(
        "vpn_group",
        Bilingual("虚拟网群", "VPN group"),
        SubjectKind.CLIENT,
        Several.FIELD,
        title_field="group_name",
        slot_field="group_number",
    )
    group_number: Annotated[
        Code, field("网群编号", "Group number", filterable=True, headers=("集团编号", "虚拟网编号"))
    ]
    group_name: Annotated[Text, field("网群名称", "Group name", filterable=True, headers=("集团名称", "虚拟网名称"))]
    short_number_from: Annotated[ShortNumber, field("短号起", "Short numbers from", headers=("短号段起", "起始短号"))]
    short_number_to: Annotated[ShortNumber, field("短号止", "Short numbers to", headers=("短号段止", "终止短号"))]
    members_now: Annotated[Count, field("现有成员数", "Members now", filterable=True, headers=("成员数", "在网成员数"))]
    members_planned: Annotated[Count, field("计划成员数", "Members planned", headers=("规划成员数",))]
    main_package: Annotated[Text, field("主套餐", "Main package", filterable=True, headers=("主资费",))]
    main_package_ends_on: Annotated[
        date | None, field("主套餐到期日", "Main package ends on", filterable=True, headers=("套餐到期",))
    ] = None
    value_added_services: Annotated[
        list[Text], Field(max_length=50), field("增值业务", "Value-added services", headers=("增值产品",))
    ] = []
    key_person: Annotated[Text | None, field("关键人", "Key person", personal=True, headers=("集团联系人",))] = None
    monthly_revenue: Annotated[Money | None, field("月收入", "Monthly revenue", filterable=True)] = None
    agreement_number: Annotated[Code | None, field("协议编号", "Agreement number", headers=("协议号",))] = None
    agreement_start: Annotated[date, field("协议开始日", "Agreement starts", headers=("协议生效日期",))]
    agreement_end: Annotated[
        date, field("协议到期日", "Agreement ends", filterable=True, headers=("协议失效日期", "协议结束日"))
    ]
    previous_agreement_end: Annotated[
        date | None,
        field(
            "上期协议到期日",
            "The agreement before ended",
            hint=("续约后填写新协议起止日，并在此保留原到期日", "after a renewal: the end of the agreement before"),
        ),
    ] = None
    renewal_state: Annotated[RenewalState, field("续约状态", "Renewal state", filterable=True)] = (
        RenewalState.NOT_DISCUSSED
    )
    handed_over_on: Annotated[date | None, field("交付日期", "Handed over on", headers=("移交日期",))] = None
    user_manual_version: Annotated[Code | None, field("用户手册版本", "Version of the user manual")] = None
    user_training_on: Annotated[date | None, field("用户培训日期", "Users trained on")] = None

    @field_validator("short_number_to")
    @classmethod
    def _range(cls, last: str, info: ValidationInfo) -> str:
        first = info.data.get("short_number_from")
        if first is not None and len(first) != len(last):
            raise Refused("短号起止的位数应相同。", "Both ends of the range have the same number of digits.")
        if first is not None and first > last:
            raise Refused("短号止不能小于短号起。", "The range cannot end before it begins.")
        return last

    @field_validator("members_now", "members_planned")
    @classmethod
    def _fits(cls, members: int, info: ValidationInfo) -> int:
        first, last = info.data.get("short_number_from"), info.data.get("short_number_to")
        if first is not None and last is not None and members > (most := int(last) - int(first) + 1):
            raise Refused(f"短号段只能容纳 {most} 人。", f"The short numbers suffice for {most} members only.")
        return members

    @field_validator("agreement_end")
    @classmethod
    def _ends_later(cls, end: date, info: ValidationInfo) -> date:
        start = info.data.get("agreement_start")
        if start is not None and end < start:
            raise Refused("协议到期日不能早于开始日。", "The agreement cannot end before it starts.")
        return end

    @field_validator("previous_agreement_end")
    @classmethod
    def _was_before(cls, previous: date | None, info: ValidationInfo) -> date | None:
        end = info.data.get("agreement_end")
        if previous is not None and end is not None and previous >= end:
            raise Refused("上期协议到期日应早于本期。", "The agreement before ended earlier than this one.")
        return previous

    @computed("空余名额", "Open places")
    def open_places(self) -> int:
        """Places that are planned and not taken."""
        return max(self.members_planned - self.members_now, 0)

    @computed("短号数量", "Short numbers")
    def short_numbers(self) -> int:
        """How many short numbers the range has."""
        return int(self.short_number_to) - int(self.short_number_from) + 1

    @computed("协议天数", "Agreement days")
    def agreement_days(self) -> int:
        """Days of the agreement, both ends counted."""
        return (self.agreement_end - self.agreement_start).days + 1


class Greeting(Line):
    """A greeting that was sent on a festival."""

    festival: Annotated[Festival, field("节日", "Festival")]
    sent_on: Annotated[date, field("发送日期", "Sent on")]
    way: Annotated[Text | None, field("方式", "Way")] = None


class KeyPersonCare(Form):
    """How a key person is cared for 关键人关怀."""

    about = FormInfo(
        "key_person_care",
        Bilingual("关键人关怀", "Key-person care"),
        SubjectKind.CONTACT,
        Several.ONE,
    )
    preferences: Annotated[Body | None, field("喜好与习惯", "Preferences", personal=True, widget=Widget.BODY)] = None
    birthday: Annotated[
        date | None,
        field(
            "生日",
            "Birthday",
            personal=True,
            hint=("联系人档案已有生日时不必重复填写", "not needed where the contact's own record has it"),
        ),
    ] = None
    greetings: Annotated[list[Greeting], Field(max_length=MOST_ROWS), field("节日问候", "Festival greetings sent")] = []
    last_care_on: Annotated[date | None, field("最近关怀日期", "Last care on", filterable=True)] = None
    last_care: Annotated[Body | None, field("最近关怀内容", "Last care", widget=Widget.BODY)] = None
    satisfaction: Annotated[
        Stars | None,
        field("满意度", "Satisfaction", filterable=True, widget=Widget.STARS, hint=("1 至 5 分", "1 to 5")),
    ] = None

    @computed("已发问候数", "Greetings sent")
    def greetings_sent(self) -> int:
        """How many greetings were sent."""
        return len(self.greetings)


class TelephoneLines(Line):
    """Telephone lines of one kind."""

    kind: Annotated[LineKind, field("类型", "Kind")]
    lines: Annotated[Count, field("线数", "Lines")]
    monthly_fee: Annotated[Money | None, field("月费", "Monthly fee")] = None


class DedicatedLine(Line):
    """One dedicated line."""

    number: Annotated[Code | None, field("电路编号", "Circuit number")] = None
    rate_mbit: Annotated[Rate, field("速率（Mbit/s）", "Rate (Mbit/s)")]
    ip_addresses: Annotated[Count, field("IP 地址数", "IP addresses")] = 0
    place: Annotated[Text | None, field("安装地点", "Place")] = None
    monthly_fee: Annotated[Money | None, field("月费", "Monthly fee")] = None


class Broadband(Line):
    """Broadband lines of one rate."""

    rate_mbit: Annotated[Rate, field("速率（Mbit/s）", "Rate (Mbit/s)")]
    lines: Annotated[Count, field("线数", "Lines")] = 1
    monthly_fee: Annotated[Money | None, field("月费", "Monthly fee")] = None


class CompetitorService(Line):
    """What the client has from a competitor."""

    operator: Annotated[Text, field("运营商", "Operator")]
    service: Annotated[Text, field("业务", "Service")]
    monthly_fee: Annotated[Money | None, field("月费", "Monthly fee")] = None
    ends_on: Annotated[date | None, field("合同到期日", "Contract ends on")] = None


class CommunicationProfile(Form):
    """All that a client uses to communicate, from us and from competitors."""

    about = FormInfo(
        "communication_profile",
        Bilingual("通信档案", "Communication profile"),
        SubjectKind.CLIENT,
        Several.ONE,
    )
    telephone_lines: Annotated[
        list[TelephoneLines], Field(max_length=MOST_ROWS), field("电话（固定、移动）", "Lines (fixed, mobile)")
    ] = []
    dedicated_lines: Annotated[list[DedicatedLine], Field(max_length=MOST_ROWS), field("专线", "Dedicated lines")] = []
    broadband: Annotated[list[Broadband], Field(max_length=MOST_ROWS), field("宽带", "Broadband")] = []
    data_centre_services: Annotated[
        list[Text], Field(max_length=50), field("数据中心业务", "Data-centre services", headers=("IDC 业务",))
    ] = []
    monthly_bill: Annotated[Money | None, field("月账单", "Bill per month", filterable=True, headers=("月均账单",))] = (
        None
    )
    competitor_services: Annotated[
        list[CompetitorService], Field(max_length=MOST_ROWS), field("竞争对手业务", "Competitor services")
    ] = []
    average_spend: Annotated[
        Money | None, field("人均通信支出", "Average spend", filterable=True, headers=("人均消费",))
    ] = None
    decision_process: Annotated[Body | None, field("决策流程", "Decision process", widget=Widget.BODY)] = None

    @computed("电话线数", "Telephone lines in all", filterable=True)
    def lines_in_all(self) -> int:
        """Fixed and mobile lines together."""
        return sum(one.lines for one in self.telephone_lines)

    @computed("专线总速率（Mbit/s）", "Rate of all dedicated lines (Mbit/s)", filterable=True)
    def dedicated_rate_mbit(self) -> Decimal:
        """The rates of all dedicated lines together."""
        return sum((one.rate_mbit for one in self.dedicated_lines), Decimal(0))

    @computed("IP 地址总数", "IP addresses in all")
    def ip_addresses(self) -> int:
        """The addresses of all dedicated lines together."""
        return sum(one.ip_addresses for one in self.dedicated_lines)

    @computed("竞争对手业务数", "Competitor services in all", filterable=True)
    def competitor_count(self) -> int:
        """How many services come from competitors."""
        return len(self.competitor_services)


class NeedSolution(Form):
    """A need that was found, and what we offer 需求与方案."""

    about = FormInfo(
        "need_solution",
        Bilingual("需求与方案", "Need and solution"),
        SubjectKind.CLIENT,
        title_field="current_product",
    )
    visit_id: Annotated[UUID | None, field("走访", "Visit", filterable=True)] = None
    opportunity_id: Annotated[UUID | None, field("商机", "Opportunity", filterable=True)] = None
    need_area: Annotated[NeedArea, field("需求领域", "Need area", filterable=True)]
    current_product: Annotated[Text | None, field("现用产品", "Current product")] = None
    pain: Annotated[Body, field("痛点", "Pain", widget=Widget.BODY)]
    solution: Annotated[Body | None, field("解决方案", "Solution", widget=Widget.BODY)] = None
    standard_price: Annotated[Money | None, field("标准价", "Standard price")] = None
    quoted_price: Annotated[Money | None, field("报价", "Quoted price")] = None
    discount_asked: Annotated[Percent | None, field("客户要求优惠（%）", "Discount asked (%)")] = None
    proposal_due_at: Annotated[Moment | None, field("方案应送时间", "Proposal due", filterable=True)] = None
    proposal_sent_at: Annotated[Moment | None, field("方案送达时间", "Proposal sent", filterable=True)] = None

    @field_validator("quoted_price")
    @classmethod
    def _not_above(cls, quoted: int | None, info: ValidationInfo) -> int | None:
        standard = info.data.get("standard_price")
        if quoted is not None and standard is not None and quoted > standard:
            raise Refused("报价不能高于标准价。", "The quoted price cannot be above the standard price.")
        return quoted

    @computed("报价优惠（%）", "Discount quoted (%)")
    def discount_quoted(self) -> Decimal | None:
        """By how many percent the quoted price lies below the standard price."""
        if self.standard_price is None or self.quoted_price is None:
            return None
        return percent_off(self.standard_price, self.quoted_price)

    @computed("方案按时送达", "Proposal in time", filterable=True)
    def proposal_in_time(self) -> bool | None:
        """Whether the proposal was sent when it was due; empty while one of the two is not known."""
        if self.proposal_due_at is None or self.proposal_sent_at is None:
            return None
        return self.proposal_sent_at <= self.proposal_due_at


CLIENT_FORMS = (VpnGroup, KeyPersonCare, CommunicationProfile, NeedSolution)
