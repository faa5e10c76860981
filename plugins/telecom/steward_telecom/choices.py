"""Closed lists of the telecom forms and questions."""

from __future__ import annotations

from steward_core.forms.fields import Choice


class RenewalState(Choice):
    """How far the renewal of an agreement is."""

    NOT_DISCUSSED = "not_discussed", "未洽谈", "Not discussed"
    IN_TALKS = "in_talks", "洽谈中", "In talks"
    RENEWED = "renewed", "已续约", "Renewed"
    DECLINED = "declined", "不再续约", "Declined"


class Festival(Choice):
    """Festivals on which key persons are greeted."""

    NEW_YEAR = "new_year", "元旦", "New Year's Day"
    SPRING = "spring", "春节", "Spring Festival"
    LABOUR_DAY = "labour_day", "劳动节", "Labour Day"
    DRAGON_BOAT = "dragon_boat", "端午节", "Dragon Boat Festival"
    MID_AUTUMN = "mid_autumn", "中秋节", "Mid-Autumn Festival"
    NATIONAL_DAY = "national_day", "国庆节", "National Day"


class LineKind(Choice):
    """Kinds of telephone lines."""

    FIXED = "fixed", "固定电话", "Fixed"
    MOBILE = "mobile", "移动电话", "Mobile"


class FaultLine(Choice):
    """Kinds of lines that faults are reported of; both have the same clocks."""

    DIAL_UP = "dial_up", "拨号", "Dial-up"
    DEDICATED = "dedicated", "专线", "Dedicated"


class NeedArea(Choice):
    """The four areas of a client's needs [003]."""

    BASIC = "basic_communication", "基础通信", "Basic communication"
    OFFICE = "mobile_office", "移动办公", "Mobile office"
    PRODUCTION = "production_control", "生产控制", "Production control"
    SERVICE = "service_marketing", "服务营销", "Service and marketing"


class Document(Choice):
    """Papers that an order needs before engineering begins."""

    CONTRACT = "contract", "合同四份", "Contract, four copies"
    SEAM_SEALS = "seam_seals", "合同骑缝章", "Seals on the contract's seam"
    IP_REQUEST = "ip_request", "IP 地址申请表两份", "IP address request, two copies"
    COMMITMENT = "commitment_letter", "入网承诺书两份", "Network commitment letter, two copies"
    LICENCE = "licence_copy", "营业执照复印件", "Copy of the licence"
    PAYER_SLIP = "payer_slip", "付款方凭单", "The payer's slip"


class Strength(Choice):
    """How strong a competitor's offer is."""

    WEAK = "weak", "弱", "Weak"
    MEDIUM = "medium", "中", "Medium"
    STRONG = "strong", "强", "Strong"


class EquipmentState(Choice):
    """Where a piece of equipment is."""

    ISSUED = "issued", "在用", "In use"
    RETURNED = "returned", "已归还", "Returned"
    DAMAGED = "damaged", "损坏", "Damaged"
    LOST = "lost", "丢失", "Lost"


class AccessTrade(Choice):
    """Trades that the access of a leased line tells apart."""

    FINANCE = "finance", "金融", "Finance"
    GOVERNMENT = "government", "党政军", "Party, government and military"
    OTHER = "other", "其他", "Other"


class SecurityClass(Choice):
    """What security a line needs."""

    HIGH = "high", "较高", "High"
    LOW = "low", "一般", "Low"


class Place(Choice):
    """Where the ends of a line are."""

    CITY = "city", "市区", "In the city"
    COUNTY = "county", "县城", "In one county"
    TOWN = "town", "乡镇", "In a town"
    ACROSS_CITIES = "across_cities", "跨地市", "Across cities"


class ExistingLine(Choice):
    """The line that the client has already."""

    NONE = "none", "无", "None"
    ATM = "atm", "ATM 专线", "ATM"
    DDN = "ddn", "DDN 专线", "DDN"
    FRAME_RELAY = "frame_relay", "帧中继专线", "Frame relay"
    OTHER = "other", "其他", "Other"
