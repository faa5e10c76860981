"""Input objects: the columns that commands take as `fields`, and the structured values of others."""

from __future__ import annotations

from functools import cache

from steward_core.clients.models import ClientStatus
from steward_graphql.declared.entities import camel
from steward_graphql.declared.scalars import BOOLEAN, DATE, DECIMAL, FEN, ID, INT, JSON, STRING, Kind
from steward_graphql.declared.shapes import Argument, InputObject
from steward_graphql.mutations.kinds import (
    contact_role,
    enum_kind,
    first_status,
    grain,
    literal_kind,
    new_contract_status,
)
from steward_tenants.database.actor import Scope
from steward_tenants.texts import LOCALES, Bilingual


def part(
    name: str,
    kind: Kind | InputObject,
    zh: str,
    en: str,
    *,
    required: bool = False,
    listed: bool = False,
    shown: str | None = None,
) -> Argument:
    """A part of an input by its Python name; `shown`: its GraphQL name where that is not the same in camelCase."""
    return Argument(shown or camel(name), kind, Bilingual(zh, en), required, listed, target=name)


def custom_part() -> Argument:
    """The tenant's own fields among those of an input."""
    return part(
        "custom",
        JSON,
        "自定义字段：{字段标识: 值}；空值清除，未给的保持不变",
        "The tenant's own fields: {key: value}; null clears one, those left out stay",
    )


def _client_columns(*, new: bool) -> tuple[Argument, ...]:
    return (
        part("name", STRING, "客户名称", "Full name", required=new),
        part("kind", STRING, "客户类型标识", "Key of its kind", required=new),
        part("short_name", STRING, "简称", "Short name"),
        part("code", STRING, "客户编码（租户可要求必填）", "The company's own number; the tenant may require it"),
        part("credit_code", STRING, "统一社会信用代码（18 位）", "Unified social credit code, 18 characters"),
        part("trade", STRING, "行业细分", "Trade"),
        part("region", STRING, "区域", "Region"),
        part("address", STRING, "地址", "Address"),
        part("latitude", DECIMAL, "纬度（度，须与经度同时给出）", "Latitude in degrees, with longitude or not at all"),
        part("longitude", DECIMAL, "经度（度）", "Longitude in degrees"),
        part("phone", STRING, "客户电话", "Phone"),
        part("potential_needs", STRING, "潜在需求", "Potential needs"),
        part("competitor_presence", STRING, "竞争情况", "Competitors' presence"),
        part("source", STRING, "客户来源", "Where the client came from"),
    )


@cache
def new_client_fields() -> InputObject:
    """What a new client may be given."""
    return InputObject(
        "NewClientFields",
        Bilingual("新客户的字段", "Fields of a new client"),
        (
            *_client_columns(new=True),
            part("tier", STRING, "客户等级标识", "Key of its tier"),
            part("status", first_status(), "客户状态，默认潜在", "Status; prospect when left out"),
            part("parent_id", ID, "上级客户", "The client that decides for it"),
            part("unit_id", ID, "归属机构，默认客户经理所在机构", "Its unit; the owner's when left out"),
            part(
                "owner_id",
                ID,
                "客户经理；不填为本人（有分配权限者不填则入公海），空值为公海",
                "Its owner; left out: oneself (with the right to assign: the public pool); null: the pool",
            ),
            part("deputy_id", ID, "B 角", "The second manager"),
            custom_part(),
        ),
    )


@cache
def client_fields() -> InputObject:
    """The fields of a client that an update changes."""
    return InputObject(
        "ClientFields",
        Bilingual("要修改的客户字段；空值清空，未给的不变", "Fields of a client to change; null empties one"),
        (*_client_columns(new=False), custom_part()),
    )


def _contact_columns(*, new: bool) -> tuple[Argument, ...]:
    return (
        part("name", STRING, "姓名", "Name", required=new),
        part("roles", contact_role(), "角色，默认联系人", "Roles; contact when left out", listed=True),
        part("main", BOOLEAN, "是否首要联系人", "Whether it is the main contact"),
        part("position", STRING, "职务", "Position"),
        part("department", STRING, "部门", "Department"),
        part("phone", STRING, "电话", "Phone"),
        part("email", STRING, "邮箱", "E-mail"),
        part("birthday", DATE, "生日", "Birthday"),
        part("preferences", STRING, "偏好", "Preferences"),
        part("left_on", DATE, "离职日期", "Day of leaving"),
        custom_part(),
    )


@cache
def new_contact_fields() -> InputObject:
    """What a new contact may be given."""
    return InputObject(
        "NewContactFields", Bilingual("新联系人的字段", "Fields of a new contact"), _contact_columns(new=True)
    )


@cache
def contact_fields() -> InputObject:
    """The fields of a contact that an update changes."""
    return InputObject(
        "ContactFields",
        Bilingual("要修改的联系人字段；空值清空，未给的不变", "Fields of a contact to change; null empties one"),
        _contact_columns(new=False),
    )


def _contract_columns(*, new: bool, renewal: bool = False) -> tuple[Argument, ...]:
    return (
        part("number", STRING, "合同编号", "Number", required=new or renewal),
        part("title", STRING, "合同名称", "Title", required=new),
        part("kind", STRING, "合同类型", "Kind"),
        part("status", new_contract_status(), "状态，默认生效", "Status; active when left out"),
        part("signed_on", DATE, "签订日期", "Day of signing"),
        part("start_on", DATE, "起始日（含）", "First day", required=new),
        part("end_on", DATE, "到期日（含）", "Last day"),
        part("amount", FEN, "合同金额（分）", "Amount in fen"),
        part("note", STRING, "备注", "Note"),
    )


@cache
def new_contract_fields() -> InputObject:
    """What a new contract is given."""
    return InputObject(
        "NewContractFields", Bilingual("新合同的字段", "Fields of a new contract"), _contract_columns(new=True)
    )


@cache
def contract_fields() -> InputObject:
    """The fields of a contract that a change gives."""
    return InputObject(
        "ContractFields",
        Bilingual("要修改的合同字段；空值清空，未给的不变", "Fields of a contract to change; null empties one"),
        _contract_columns(new=False),
    )


@cache
def renewal_fields() -> InputObject:
    """The fields of the contract that follows another."""
    return InputObject(
        "RenewalFields",
        Bilingual(
            "续签合同的字段；名称、类型和金额未给时取自原合同，起始日默认为原到期日次日",
            "Fields of the following contract: title, kind and amount are the former one's where they are left out, and"
            " it begins on the day after the former one's last",
        ),
        _contract_columns(new=False, renewal=True),
    )


@cache
def new_arrears_fields() -> InputObject:
    """What new arrears are given."""
    return InputObject(
        "NewArrearsFields",
        Bilingual("欠费字段", "Fields of arrears"),
        (
            part("period", STRING, "欠费期间，如 2026-10", "Period, such as 2026-10", required=True),
            part("amount", FEN, "欠费金额（分，大于 0）", "Amount in fen, above 0", required=True),
            part("due_on", DATE, "应付日期", "Day on which it is due", required=True),
            part("source", STRING, "来源，默认 manual", "Source; `manual` when left out"),
            part("paid", FEN, "已付金额（分）", "Paid so far, in fen"),
            part("note", STRING, "备注", "Note"),
        ),
    )


@cache
def arrears_fields() -> InputObject:
    """What a correction of arrears changes."""
    return InputObject(
        "ArrearsFields",
        Bilingual("要更正的欠费字段", "Fields of arrears to correct"),
        (
            part("amount", FEN, "欠费金额（分，大于 0）", "Amount in fen, above 0"),
            part("paid", FEN, "已付金额（分）", "Paid so far, in fen"),
            part("due_on", DATE, "应付日期", "Day on which it is due"),
            part("note", STRING, "备注", "Note"),
        ),
    )


@cache
def arrears_row() -> InputObject:
    """One of many rows of arrears."""
    return InputObject(
        "ArrearsRow",
        Bilingual("一笔欠费", "One line of arrears"),
        (
            part("client_id", ID, "客户", "The client", required=True),
            part("fields", new_arrears_fields(), "欠费字段", "Its fields", required=True),
        ),
    )


@cache
def product_fields() -> InputObject:
    """The fields of a product."""
    return InputObject(
        "ProductFields",
        Bilingual("产品字段；新产品须有编码和名称", "Fields of a product; a new one needs code and name"),
        (
            part("code", STRING, "产品编码", "Code"),
            part("name", STRING, "产品名称", "Name"),
            part("category", STRING, "类别", "Category"),
            part("measure", STRING, "计量单位", "Unit of measure"),
        ),
    )


@cache
def product_use_fields() -> InputObject:
    """The fields of a product in use."""
    return InputObject(
        "ProductUseFields",
        Bilingual("在用产品字段", "Fields of a product in use"),
        (
            part("quantity", DECIMAL, "数量（最多三位小数）", "Quantity, up to three decimals"),
            part("monthly_amount", FEN, "月费（分）", "Monthly amount in fen"),
            part("started_on", DATE, "开始使用日期", "In use since"),
            part("note", STRING, "备注", "Note"),
        ),
    )


def _person_columns() -> tuple[Argument, ...]:
    return (
        part("employee_number", STRING, "工号", "Employee number"),
        part("title", STRING, "职务", "Title"),
        part("phone", STRING, "电话", "Phone"),
        part("email", STRING, "邮箱", "E-mail"),
        part("identity_number", STRING, "身份证号（加密保存）", "Identity number, kept encrypted"),
        part("locale", literal_kind(LOCALES), "界面语言", "Language"),
        part("joined_on", DATE, "入职日期", "Day of joining"),
    )


@cache
def new_person_fields() -> InputObject:
    """What a new person is given."""
    return InputObject(
        "NewPersonFields",
        Bilingual("新人员的字段", "Fields of a new person"),
        (
            part("login", STRING, "登录名（邮箱）", "Login, an e-mail address", required=True),
            part("name", STRING, "姓名", "Name", required=True),
            *_person_columns(),
        ),
    )


@cache
def person_fields() -> InputObject:
    """The fields of a person that an update changes."""
    return InputObject(
        "PersonFields",
        Bilingual("要修改的人员字段；空值清空，未给的不变", "Fields of a person to change; null empties one"),
        (part("name", STRING, "姓名", "Name"), *_person_columns()),
    )


@cache
def fact_row() -> InputObject:
    """One fact."""
    return InputObject(
        "FactRow",
        Bilingual("一条数据指标", "One fact"),
        (
            part("client_id", ID, "客户（或给编码）", "The client, or give its code"),
            part("code", STRING, "客户编码", "The client's code"),
            part("metric", STRING, "指标标识", "Key of the metric", required=True),
            part(
                "period",
                STRING,
                "期间：2026-10、2026Q3、2026 或首日",
                "Period: 2026-10, 2026Q3, 2026, or its first day",
                required=True,
            ),
            part(
                "value",
                DECIMAL,
                "数值（指标的单位，金额为分）",
                "Value in the metric's unit; money in fen",
                required=True,
            ),
            part("booked_on", DATE, "入账日，默认期末", "Booking day; the period's last when left out"),
        ),
    )


@cache
def hand_over_selection() -> InputObject:
    """Which clients a hand-over takes."""
    return InputObject(
        "HandOverSelection",
        Bilingual(
            "移交哪些客户：列出的，或同时满足各条件的",
            "Which clients: those named, or those that meet all that is said",
        ),
        (
            part("client_ids", ID, "客户", "These clients", listed=True),
            part("owner_id", ID, "现客户经理", "Those of this owner"),
            part("unit_id", ID, "所属机构", "Those of this unit"),
            part("with_units_below", BOOLEAN, "是否含下级机构，默认是", "Units below too; true when left out"),
            part("tiers", STRING, "客户等级标识", "Those of these tiers", listed=True),
        ),
    )


@cache
def api_client_plan() -> InputObject:
    """What an API client shall be."""
    return InputObject(
        "ApiClientPlan",
        Bilingual("对接应用", "What an API client shall be"),
        (
            part("name", STRING, "名称", "Name", required=True),
            part(
                "grant_types",
                STRING,
                "授权方式：client_credentials、authorization_code、refresh_token",
                "Grants: client_credentials, authorization_code, refresh_token",
                required=True,
                listed=True,
            ),
            part("permissions", STRING, "权限标识", "Keys of permissions", listed=True),
            part("redirect_uris", STRING, "回调地址", "Redirect addresses", listed=True),
            part(
                "auth_method",
                STRING,
                "认证方式：client_secret_basic、client_secret_post、none",
                "Authentication: client_secret_basic, client_secret_post, none",
            ),
            part("scope", enum_kind(Scope), "数据范围", "Which rows it reaches for itself"),
            part("unit_id", ID, "数据范围的机构", "The unit of that scope"),
        ),
    )


@cache
def metric_values() -> InputObject:
    """The definition of a metric."""
    return InputObject(
        "MetricValues",
        Bilingual(
            "数据指标的定义；有数据后单位、周期和可加性不再改变",
            "A metric's definition; once facts exist, measure, grain and additive stay",
        ),
        (
            part("title_zh", STRING, "中文名", "Chinese title"),
            part("title_en", STRING, "英文名", "English title"),
            part("measure", STRING, "单位，金额为 fen", "Unit; `fen` for money"),
            part("grain", grain(), "周期，默认月", "Length of its periods; month when left out"),
            part("additive", BOOLEAN, "能否相加，默认能", "Whether values may be summed; true when left out"),
            part("retired", BOOLEAN, "是否停用", "Whether it is retired"),
        ),
    )


@cache
def custom_field_values(*, new: bool) -> InputObject:
    """The definition of a custom field."""
    return InputObject(
        "NewCustomFieldValues" if new else "CustomFieldValues",
        Bilingual("自定义字段的定义", "Definition of a custom field"),
        (
            part("title_zh", STRING, "中文名", "Chinese title", required=new),
            part("title_en", STRING, "英文名", "English title", required=new),
            part("hint_zh", STRING, "中文提示", "Chinese hint"),
            part("hint_en", STRING, "英文提示", "English hint"),
            part(
                "rules",
                JSON,
                "规则：required、longest、least、most、options[{key, zh, en}]",
                "Rules: required, longest, least, most, options [{key, zh, en}]",
            ),
            part("filterable", BOOLEAN, "能否筛选和排序", "Whether rows may be filtered and sorted by it"),
        ),
    )


@cache
def client_selection() -> InputObject:
    """Which clients an export writes."""
    return InputObject(
        "ExportClientSelection",
        Bilingual("导出哪些客户", "Which clients are exported"),
        (
            part("text", STRING, "搜索词", "As the search finds"),
            part("statuses", enum_kind(ClientStatus), "状态", "Of these statuses", listed=True),
            part("tiers", STRING, "等级标识", "Of these tiers", listed=True),
            part("kinds", STRING, "类型标识", "Of these kinds", listed=True),
            part("unit_id", ID, "机构", "Of this unit"),
            part("with_units_below", BOOLEAN, "是否含下级机构，默认是", "Units below too; true when left out"),
            part("owner_id", ID, "客户经理", "Of this owner"),
            part("deputy_id", ID, "B 角", "Of this second manager"),
            part("in_pool", BOOLEAN, "是否在公海", "In the public pool, or not"),
            part("region", STRING, "区域（开头）", "How the region begins"),
            part("parent_id", ID, "上级客户", "Below this client"),
            part("stale", BOOLEAN, "档案待复核", "A profile is due"),
            part("in_arrears", BOOLEAN, "有到期欠费", "Something due is open"),
            part("contract_ends_within", INT, "多少天内合同到期", "An active contract ends within so many days"),
        ),
    )
