"""What a client asks for and how it comes about; what competitors do; equipment issued to people."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from steward_core.forms.fields import (
    Body,
    Code,
    Count,
    Money,
    Refused,
    Text,
    Widget,
    computed,
    field,
)
from steward_core.forms.form import APPROVAL, Form, FormInfo, SubjectKind
from steward_telecom.choices import Document, EquipmentState, Strength
from steward_telecom.client_forms import Line
from steward_telecom.values import AddressCount, MacAddress, PhoneNumber, Rate, percent_off
from steward_tenants.access.fields import PHONE
from steward_tenants.texts import Bilingual

CONTRACT_COPIES, REQUEST_COPIES, LETTER_COPIES = 4, 2, 2
RESERVED_ADDRESSES = 2
"""Of each block of addresses, network and broadcast address cannot be given to a device."""


class DiscountItem(Line):
    """One item for which a price is asked; prices for the whole quantity, a month."""

    service: Annotated[Text, field("业务", "Service")]
    quantity: Annotated[Count, Field(ge=1), field("数量", "Quantity")] = 1
    standard_price: Annotated[Money, Field(gt=0), field("标准价", "Standard price")]
    asked_price: Annotated[Money, field("申请价", "Price asked for")]

    @field_validator("asked_price")
    @classmethod
    def _below(cls, asked: int, info: ValidationInfo) -> int:
        standard = info.data.get("standard_price")
        if standard is not None and asked > standard:
            raise Refused("申请价不能高于标准价。", "The price asked for cannot be above the standard price.")
        return asked


class DiscountRequest(Form):
    """A request for a discount 优惠审批单; nobody promises one on the spot [000#5]."""

    about = FormInfo(
        "discount_request",
        Bilingual("优惠审批单", "Discount request"),
        SubjectKind.CLIENT,
        flow=APPROVAL,
        title_field="services",
    )
    trade: Annotated[Text, field("行业", "Trade", filterable=True)]
    services: Annotated[Text, field("申请业务", "Services")]
    background: Annotated[Body, field("背景", "Background", widget=Widget.BODY)]
    competition: Annotated[Body, field("竞争情况", "Competition", widget=Widget.BODY)]
    items: Annotated[list[DiscountItem], Field(min_length=1, max_length=50), field("优惠项目", "Items asked for")]
    approver_chain: Annotated[
        list[Text],
        Field(min_length=1, max_length=10),
        field("审批流程", "Approver chain", hint=("按先后顺序填写审批岗位", "who approves, one after the other")),
    ]

    @field_validator("approver_chain")
    @classmethod
    def _each_once(cls, chain: list[str]) -> list[str]:
        if len(set(chain)) != len(chain):
            raise Refused("审批岗位不能重复。", "Each approver stands in the chain once.")
        return chain

    @computed("标准价合计（分）", "Standard prices in all (fen)")
    def standard_total(self) -> int:
        """The standard prices together, in fen."""
        return sum(one.standard_price for one in self.items)

    @computed("优惠金额合计（分）", "Discount in all (fen)", filterable=True)
    def discount_total(self) -> int:
        """What the client would save, in fen."""
        return sum(one.standard_price - one.asked_price for one in self.items)

    @computed("综合优惠（%）", "Discount in all (%)", filterable=True)
    def discount_percent(self) -> Decimal | None:
        """The discount in percent of the standard prices."""
        return percent_off(self.standard_total, self.standard_total - self.discount_total)


class IpRequest(Form):
    """A request for IP addresses on a dedicated line."""

    about = FormInfo(
        "ip_request",
        Bilingual("IP 地址申请表", "IP address request"),
        SubjectKind.CLIENT,
        title_field="applicant",
    )
    applicant: Annotated[Text, field("申请单位", "Applicant")]
    install_address: Annotated[Text, field("装机地址", "Address")]
    contact_name: Annotated[Text, field("联系人姓名", "Contact", personal=True)]
    contact_phone: Annotated[
        PhoneNumber | None, field("联系电话", "Contact's phone", personal=True, masked=PHONE, widget=Widget.PHONE)
    ] = None
    mailing_address: Annotated[Text, field("通信地址", "Mailing address")]
    line_rate_mbit: Annotated[Rate, field("线路速率（Mbit/s）", "Line rate (Mbit/s)", filterable=True)]
    addresses: Annotated[AddressCount, field("申请地址数", "Number of addresses", filterable=True)]

    @computed("地址块大小", "Addresses of the block")
    def block_size(self) -> int:
        """The smallest block that has so many addresses for devices."""
        return 1 << (self.addresses + RESERVED_ADDRESSES - 1).bit_length()

    @computed("子网前缀长度", "Prefix length")
    def prefix_length(self) -> int:
        """The length of that block's prefix."""
        return 33 - self.block_size.bit_length()


class OrderAcceptance(Form):
    """A new line or another order, from its papers to its completion 业务受理."""

    about = FormInfo(
        "order_acceptance",
        Bilingual("业务受理单", "Order acceptance"),
        SubjectKind.CLIENT,
        title_field="contract_number",
    )
    contract_number: Annotated[Code, field("合同编号", "Contract number", filterable=True)]
    service: Annotated[Text, field("受理业务", "Service ordered", filterable=True)]
    signed_on: Annotated[date, field("签约日期", "Signed on", filterable=True)]
    contract_copies: Annotated[Count, field("合同份数", "Copies of the contract", hint=("应为四份", "four"))] = 0
    seam_seals: Annotated[bool, field("已盖骑缝章", "Seals on the seam")] = False
    ip_request_copies: Annotated[
        Count, field("IP 地址申请表份数", "Copies of the IP request", hint=("应为两份", "two"))
    ] = 0
    commitment_letter_copies: Annotated[
        Count, field("入网承诺书份数", "Copies of the network commitment", hint=("应为两份", "two"))
    ] = 0
    licence_copy: Annotated[bool, field("有营业执照复印件", "Copy of the licence")] = False
    payer_slip: Annotated[bool, field("有付款方凭单", "The payer's slip")] = False
    engineering_contact: Annotated[Text | None, field("工程联系人", "Engineering contact", personal=True)] = None
    resource_available: Annotated[bool | None, field("线路资源具备", "Resource available", filterable=True)] = None
    planned_on: Annotated[date | None, field("计划完工日", "Planned for", filterable=True)] = None
    done_on: Annotated[date | None, field("实际完工日", "Done on", filterable=True)] = None
    delay_reason: Annotated[Body | None, field("超期原因", "Why it is late", widget=Widget.BODY)] = None

    @field_validator("planned_on", "done_on")
    @classmethod
    def _after_signing(cls, day: date | None, info: ValidationInfo) -> date | None:
        signed = info.data.get("signed_on")
        if day is not None and signed is not None and day < signed:
            raise Refused("不能早于签约日期。", "It cannot be before the signing.")
        return day

    @computed("资料缺项", "Documents missing")
    def documents_missing(self) -> list[Document]:
        """Which papers are missing, in their order."""
        there = {
            Document.CONTRACT: self.contract_copies >= CONTRACT_COPIES,
            Document.SEAM_SEALS: self.seam_seals,
            Document.IP_REQUEST: self.ip_request_copies >= REQUEST_COPIES,
            Document.COMMITMENT: self.commitment_letter_copies >= LETTER_COPIES,
            Document.LICENCE: self.licence_copy,
            Document.PAYER_SLIP: self.payer_slip,
        }
        return [document for document, found in there.items() if not found]

    @computed("资料齐全", "Documents complete", filterable=True)
    def documents_complete(self) -> bool:
        """Whether no paper is missing."""
        return not self.documents_missing

    @computed("完工用时（天）", "Days to completion", filterable=True)
    def days_taken(self) -> int | None:
        """Days from signing to completion."""
        return None if self.done_on is None else (self.done_on - self.signed_on).days


class CompetitorFindings(Form):
    """What is told of a competitor, whether about a client or an area."""

    competitor: Annotated[Text, field("竞争对手", "Competitor", filterable=True)]
    offer: Annotated[Body, field("优惠内容", "Offer", widget=Widget.BODY)]
    valid_from: Annotated[date | None, field("有效期起", "Valid from")] = None
    valid_until: Annotated[date | None, field("有效期止", "Valid until", filterable=True)] = None
    strength: Annotated[Strength, field("竞争力度", "Strength", filterable=True)]
    urgent: Annotated[
        bool, field("是否紧急", "Urgent", filterable=True, hint=("策反等紧急情况", "such as poaching"))
    ] = False
    source: Annotated[Text, field("信息来源", "Source")]
    reported_on: Annotated[date, field("上报日期", "Reported on", filterable=True)]
    department_told: Annotated[Text | None, field("通报部门", "Department told")] = None
    told_on: Annotated[date | None, field("通报日期", "Told on")] = None

    @field_validator("valid_until")
    @classmethod
    def _until(cls, until: date | None, info: ValidationInfo) -> date | None:
        begins = info.data.get("valid_from")
        if until is not None and begins is not None and until < begins:
            raise Refused("有效期止不能早于有效期起。", "It cannot end before it begins.")
        return until

    @field_validator("told_on")
    @classmethod
    def _somebody(cls, told: date | None, info: ValidationInfo) -> date | None:
        if told is not None and "department_told" in info.data and info.data["department_told"] is None:
            raise Refused("请填写通报部门。", "Say which department was told.")
        return told


class CompetitorReport(CompetitorFindings):
    """Competitor intelligence about one client 竞争信息."""

    about = FormInfo(
        "competitor_report",
        Bilingual("竞争信息（客户）", "Competitor report (client)"),
        SubjectKind.CLIENT,
        title_field="competitor",
    )


class AreaCompetitorReport(CompetitorFindings):
    """Competitor intelligence about an area 竞争信息."""

    about = FormInfo(
        "area_competitor_report",
        Bilingual("竞争信息（区域）", "Competitor report (area)"),
        SubjectKind.UNIT,
        title_field="competitor",
    )
    area: Annotated[Text | None, field("区域说明", "Area")] = None


class EquipmentIssue(Form):
    """Equipment that was issued to somebody 物品领用; what is lost is charged at its price [000#4]."""

    about = FormInfo(
        "equipment_issue",
        Bilingual("物品领用", "Equipment issue"),
        SubjectKind.USER,
        title_field="asset_code",
    )
    asset_code: Annotated[Code, field("资产编号", "Asset code", filterable=True)]
    item: Annotated[Text, field("物品", "Item", filterable=True)]
    mac: Annotated[MacAddress | None, field("MAC 地址", "MAC address", filterable=True)] = None
    place_of_use: Annotated[Text, field("使用地点", "Place of use")]
    price: Annotated[Money | None, field("价格", "Price")] = None
    issued_on: Annotated[date, field("领用日期", "Issued on", filterable=True)]
    state: Annotated[EquipmentState, field("状态", "State", filterable=True)] = EquipmentState.ISSUED
    returned_on: Annotated[date | None, field("归还日期", "Returned on")] = None
    note: Annotated[Body | None, field("备注", "Note", widget=Widget.BODY)] = None

    @field_validator("returned_on")
    @classmethod
    def _returned(cls, day: date | None, info: ValidationInfo) -> date | None:
        issued, state = info.data.get("issued_on"), info.data.get("state")
        if day is not None and issued is not None and day < issued:
            raise Refused("归还日期不能早于领用日期。", "It cannot be returned before it was issued.")
        if day is None and state is EquipmentState.RETURNED:
            raise Refused("已归还的物品请填写归还日期。", "Say on which day it was returned.")
        if day is not None and state in (EquipmentState.ISSUED, EquipmentState.LOST):
            raise Refused("在用或丢失的物品没有归还日期。", "What is in use or lost was not returned.")
        return day

    @computed("应赔偿金额（分）", "To be charged (fen)", filterable=True)
    def charge(self) -> int:
        """The price of what was lost, in fen; nothing otherwise."""
        return self.price or 0 if self.state is EquipmentState.LOST else 0


BUSINESS_FORMS = (
    DiscountRequest,
    IpRequest,
    OrderAcceptance,
    CompetitorReport,
    AreaCompetitorReport,
    EquipmentIssue,
)
