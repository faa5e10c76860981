"""Closed lists of the tobacco forms."""

from __future__ import annotations

from steward_core.forms.fields import Choice


class TradeForm(Choice):
    """The trade form 业态 of a retailer."""

    GROCERY = "grocery", "食杂店", "Grocery"
    CONVENIENCE = "convenience", "便利店", "Convenience store"
    SUPERMARKET = "supermarket", "超市", "Supermarket"
    DEPARTMENT_STORE = "department_store", "商场", "Department store"
    TOBACCO_LIQUOR = "tobacco_liquor", "烟酒店", "Tobacco and liquor shop"
    ENTERTAINMENT = "entertainment", "娱乐服务", "Entertainment and service"
    OTHER = "other", "其他", "Other"


class MarketType(Choice):
    """The market that a retailer stands in."""

    URBAN = "urban", "城区", "Urban"
    TOWN = "town", "乡镇", "Town"
    VILLAGE = "village", "农村", "Village"


class BusinessDistrict(Choice):
    """The type of business district 商圈."""

    RESIDENTIAL = "residential", "居民区", "Residential"
    COMMERCIAL = "commercial", "商业区", "Commercial"
    OFFICE = "office", "办公区", "Offices"
    SCHOOL = "school", "院校周边", "Around a school"
    HOSPITAL = "hospital", "医院周边", "Around a hospital"
    TRANSPORT = "transport", "交通枢纽", "Transport hub"
    SCENIC = "scenic", "旅游景区", "Scenic area"
    INDUSTRIAL = "industrial", "工矿区", "Industrial"
    MARKET = "market", "集贸市场", "Market"
    VILLAGE = "village", "村组", "Village"


class OrderingDay(Choice):
    """The day of the week on which a retailer orders."""

    MONDAY = "monday", "星期一", "Monday"
    TUESDAY = "tuesday", "星期二", "Tuesday"
    WEDNESDAY = "wednesday", "星期三", "Wednesday"
    THURSDAY = "thursday", "星期四", "Thursday"
    FRIDAY = "friday", "星期五", "Friday"


class OrderingWay(Choice):
    """How a retailer orders."""

    WEB = "web", "网上订货", "Web"
    PHONE = "phone", "电话订货", "Phone"


class Judgement(Choice):
    """How far something is to standard."""

    MET = "met", "达标", "To standard"
    PARTLY = "partly", "部分达标", "Partly"
    NOT_MET = "not_met", "不达标", "Not to standard"


class Reaction(Choice):
    """How consumers take a brand."""

    GOOD = "good", "好", "Good"
    FAIR = "fair", "一般", "Fair"
    POOR = "poor", "差", "Poor"
    UNKNOWN = "unknown", "未了解", "Not known"


class Weakness(Choice):
    """What guidance found wanting."""

    PRODUCT_MIX = "product_mix", "品类结构", "Product mix"
    ORDERING = "ordering", "订货", "Ordering"
    DISPLAY = "display", "陈列", "Display"
    CAPITAL = "capital", "资金", "Capital"
    STOCK = "stock", "库存", "Stock"
    SELLING = "selling", "推介", "Selling"
    PRICING = "pricing", "价格", "Pricing"


class Effect(Choice):
    """What came of a measure a month later."""

    IMPROVED = "improved", "有改善", "Improved"
    UNCHANGED = "unchanged", "无变化", "Unchanged"
    WORSE = "worse", "变差", "Worse"


class ServiceKind(Choice):
    """What a client turned to the company about."""

    COMPLAINT = "complaint", "投诉", "Complaint"
    WISH = "wish", "意见建议", "Wish"
    CONSULTATION = "consultation", "咨询", "Question"


class ServiceTopic(Choice):
    """What a complaint or wish is about."""

    SUPPLY = "supply", "货源供应", "Supply"
    DELIVERY = "delivery", "送货", "Delivery"
    SETTLEMENT = "settlement", "结算", "Settlement"
    QUALITY = "quality", "产品质量", "Product quality"
    SERVICE = "service", "服务态度", "Service"
    GRADING = "grading", "星级与档位", "Stars and grades"
    OTHER = "other", "其他", "Other"
