"""Industry plugins: what is installed, what is on, what it contributes, and the forms that it brings."""

from __future__ import annotations

from collections.abc import Sequence

from steward_core.forms.description import json_schema
from steward_core.forms.form import Form
from steward_core.industry.containment import faults
from steward_core.industry.enabled import enabled
from steward_core.industry.models import PluginFault
from steward_core.industry.overview import (
    PARTS,
    Contribution,
    PluginState,
    SettingState,
    contributions,
    plugin_overview,
    settings_of,
)
from steward_core.industry.planning import PluginPlan, plan
from steward_core.industry.registry import full_key
from steward_core.permissions import FORMS_VIEW
from steward_graphql.declared.scalars import BOOLEAN, DATETIME, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import Asked, Function, ListOf
from steward_graphql.functions.parts import FIRST, TEXT, argument, page_size, part, several, shape, texts
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual


async def _plugins(session: ReadSession, asked: Asked) -> list[PluginState]:  # noqa: ARG001 - how functions are called
    """Raises Forbidden."""
    require(session.actor, PLUGINS_MANAGE)
    return await plugin_overview(session)


PLUGIN = shape(
    "Plugin",
    "行业插件",
    "An industry plugin",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title"),
    part(
        "version",
        STRING,
        "已安装的版本；空为未安装或损坏",
        "The installed version; none: gone or broken",
        nullable=True,
    ),
    part("enabled", BOOLEAN, "是否启用", "Whether it is on"),
    part("working", BOOLEAN, "启用且可用", "Whether it is on and its settings hold"),
    part("installedVersion", STRING, "租户数据所处的版本", "The version that the data stand at", nullable=True),
    part("behind", BOOLEAN, "是否有待执行的升级", "Whether an upgrade waits"),
    part("faults", INT, "未处理的故障种类数", "How many kinds of faults are not settled"),
    several("reasons", TEXT, "不能使用的原因", "Why it cannot be used"),
    part("changedAt", DATETIME, "启停时间", "When it was switched last", nullable=True),
    part("switchVersion", INT, "开关的版本；0 为从未设置", "Counts changes of the switch; 0: never set"),
)


async def _settings(session: ReadSession, asked: Asked, *, plugin: str) -> list[SettingState]:  # noqa: ARG001 - how functions are called
    """Raises Forbidden, PluginNotInstalled, PluginNotEnabled."""
    return await settings_of(session, plugin)


PLUGIN_SETTING = shape(
    "PluginSetting",
    "插件的一项设置",
    "A setting of a plugin",
    part("name", STRING, "名称", "Its name", read=lambda one: one.field.name),
    texts("title", "标题", "Its title", read=lambda one: one.field.title),
    texts("hint", "提示", "A hint", nullable=True, read=lambda one: one.field.text.hint if one.field.text else None),
    part("kind", STRING, "值的类型", "Type of the value", read=lambda one: one.field.type.value),
    part("value", JSON, "当前值；密钥只显示 set 或 unset", "Its value; of a secret: set or unset", nullable=True),
    part("default", JSON, "默认值", "The default", nullable=True),
    part("own", BOOLEAN, "是否由租户设定", "Whether the tenant decided it"),
    part("secret", BOOLEAN, "是否为密钥", "Whether it is a secret"),
)


async def _faults(
    session: ReadSession,
    asked: Asked,  # noqa: ARG001 - how functions are called
    *,
    plugin: str | None = None,
    settled: bool = False,
    first: int | None = None,
) -> list[PluginFault]:
    """Raises Forbidden."""
    size = page_size(first)
    return (await faults(session, plugin, settled=bool(settled)))[:size]


FAULT = shape(
    "PluginFault",
    "插件故障",
    "A hook of a plugin that failed",
    part("id", ID, "编号", "Identifier"),
    part("plugin", STRING, "插件标识", "Key of the plugin"),
    part("pluginVersion", STRING, "插件版本", "Version of the plugin"),
    part("hook", STRING, "出错之处", "What failed"),
    part("error", STRING, "错误类型", "Kind of error"),
    part("place", STRING, "代码位置", "Where in the plugin"),
    part("times", INT, "次数", "How often"),
    part("firstAt", DATETIME, "首次时间", "When first"),
    part("lastAt", DATETIME, "最近时间", "When last"),
    part("settledAt", DATETIME, "处理时间", "When it was settled", nullable=True),
)


async def _contributions(session: ReadSession, asked: Asked, *, part: str) -> Sequence[Contribution]:  # noqa: ARG001 - how functions are called
    """Raises InvalidInput (a part that there is not)."""
    if part not in PARTS:
        listed = ", ".join(PARTS)
        raise invalid("part", "unknown", f"没有此部分；可选：{listed}。", f"There is no such part; there are {listed}.")
    return (await contributions(session))[part]


CONTRIBUTION = shape(
    "PluginContribution",
    "插件提供的一项内容",
    "One thing that an enabled plugin brings",
    part("plugin", STRING, "插件标识", "Key of the plugin"),
    part("part", STRING, "所属部分", "The part of the declaration"),
    part("key", STRING, "完整标识", "Its full key"),
    texts("title", "名称", "Its title"),
)


async def _navigation(session: ReadSession, asked: Asked) -> list[Contribution]:  # noqa: ARG001 - how functions are called
    found = (await contributions(session))["navigation"]
    return sorted(found, key=lambda one: (one.what.place, one.key))


NAVIGATION = shape(
    "NavigationItem",
    "插件提供的菜单项",
    "An entry of the menu that a plugin brings",
    part("key", STRING, "完整标识", "Its full key"),
    part("plugin", STRING, "插件标识", "Key of the plugin"),
    texts("title", "名称", "Its title"),
    part(
        "view",
        STRING,
        "所显示的内容，例如 form:…、trigger:…",
        "What it shows, as form:… or trigger:…",
        read=lambda one: one.what.view,
    ),
    part("place", INT, "次序", "Its place in the order", read=lambda one: one.what.place),
)


async def _plan(session: ReadSession, asked: Asked, *, plugin: str) -> PluginPlan:  # noqa: ARG001 - how functions are called
    """Raises Forbidden, PluginNotInstalled."""
    return await plan(session, plugin)


FIELD_PROBLEM = shape(
    "FieldProblem",
    "某字段的问题",
    "What is wrong with one field",
    several("path", STRING, "字段路径", "Where", read=lambda one: list(one.path)),
    part("code", STRING, "代码", "Its code"),
    texts("message", "说明", "What is wrong"),
)
FORM_PLAN = shape(
    "PluginFormPlan",
    "启用或升级后表单的变化",
    "What becomes of one form",
    part("key", STRING, "完整标识", "Its full key"),
    texts("title", "名称", "Its title"),
    part("before", INT, "现在的版本；空为新增", "Its version here; none: it is new", nullable=True),
    part("after", INT, "以后的版本；空为不再提供", "Its version afterwards; none: it goes", nullable=True),
    part("records", INT, "需要迁移的记录数", "How many records are to be migrated"),
    part("failing", INT, "无法迁移的记录数", "How many of them cannot be"),
    several(
        "changedFields",
        STRING,
        "值会改变的字段",
        "Fields whose values would differ",
        read=lambda one: list(one.changed_fields),
    ),
)
PLUGIN_PLAN = shape(
    "PluginPlan",
    "启用或升级插件的影响",
    "What enabling or upgrading a plugin would do",
    part("plugin", STRING, "插件标识", "Key of the plugin"),
    texts("title", "名称", "Its title"),
    part("enabled", BOOLEAN, "现在是否启用", "Whether it is on"),
    part("before", STRING, "现在的版本", "The version that the data stand at", nullable=True),
    part("after", STRING, "以后的版本", "The version afterwards"),
    part("changes", BOOLEAN, "是否有变化", "Whether anything would change"),
    several(
        "missing", STRING, "缺少的前置插件", "Required plugins that are not on", read=lambda one: list(one.missing)
    ),
    several(
        "conflicting",
        STRING,
        "冲突的插件",
        "Plugins that are on and exclude it",
        read=lambda one: list(one.conflicting),
    ),
    several("forms", FORM_PLAN, "表单", "The forms"),
    several("newSettings", STRING, "新增的设置", "Settings that are new", read=lambda one: list(one.settings.new)),
    several("removedSettings", STRING, "不再有的设置", "Settings that go", read=lambda one: list(one.settings.removed)),
    several(
        "problems",
        FIELD_PROBLEM,
        "已有设置的问题",
        "What is wrong with stored settings",
        read=lambda one: one.settings.problems,
    ),
)


class _Described:
    """A form of an enabled plugin."""

    def __init__(self, plugin: str, form: type[Form]) -> None:
        self.plugin, self.form, self.about = plugin, form, form.about
        self.key = full_key(plugin, form.about.key)


async def _forms(
    session: ReadSession,
    asked: Asked,  # noqa: ARG001 - how functions are called
    *,
    key: str | None = None,
) -> list[_Described]:
    """Raises Forbidden."""
    require(session.actor, FORMS_VIEW)
    found = [_Described(one.key, form) for one in await enabled(session) for form in one.industry.forms]
    return [one for one in found if key in (None, one.key)]


STATE = shape(
    "FormState",
    "表单的一个状态",
    "A state of a form",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title"),
    part("counts", BOOLEAN, "是否计入统计与触发", "Whether triggers and indicators read it"),
    part("editable", BOOLEAN, "是否可以修改", "Whether its fields may be changed"),
)
MOVE = shape(
    "FormMove",
    "表单状态之间的流转",
    "A way from one state to another",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title"),
    part("before", STRING, "起始状态", "The state that it leaves"),
    part("after", STRING, "到达状态", "The state that it leads to"),
    part("reason", BOOLEAN, "是否必须说明原因", "Whether a reason must be given"),
    part("approval", BOOLEAN, "是否须由他人决定", "Whether somebody else decides"),
)
FORM = shape(
    "FormDescription",
    "业务表单的说明",
    "What a form is",
    part("key", STRING, "完整标识", "Its full key"),
    part("plugin", STRING, "插件标识", "Key of the plugin"),
    texts("title", "名称", "Its title", read=lambda one: one.about.title),
    texts("description", "说明", "What it is for", nullable=True, read=lambda one: one.about.description),
    part("version", INT, "版本", "Its version", read=lambda one: one.about.version),
    part(
        "subject",
        STRING,
        "填写对象：client、contact、user 或 unit",
        "What records are about",
        read=lambda one: one.about.subject.value,
    ),
    part(
        "several",
        STRING,
        "每个对象可有几条：one、period、field 或 many",
        "How many a subject may have",
        read=lambda one: one.about.several.value,
    ),
    part("byPeople", BOOLEAN, "是否由人填写", "Whether people fill it in", read=lambda one: one.about.by_people),
    part(
        "titleField",
        STRING,
        "用作标题的字段",
        "The field that names a record",
        nullable=True,
        read=lambda one: one.about.title_field,
    ),
    part(
        "schemaZh",
        JSON,
        "JSON Schema（中文）",
        "JSON Schema in Chinese",
        read=lambda one: json_schema(one.form, "zh-CN"),
    ),
    part(
        "schemaEn", JSON, "JSON Schema（英文）", "JSON Schema in English", read=lambda one: json_schema(one.form, "en")
    ),
    several(
        "states",
        STATE,
        "状态，第一个为新建时的状态",
        "Its states, the first of which new records take",
        read=lambda one: one.about.flow.states,
    ),
    several("moves", MOVE, "流转", "The moves between them", read=lambda one: one.about.flow.moves),
)

_PLUGIN = argument("plugin", STRING, "插件标识", "Key of the plugin", required=True)
FUNCTIONS = (
    Function(
        "plugins",
        Bilingual("已安装的行业插件及其状态", "The installed plugins and how they stand"),
        ListOf(PLUGIN),
        _plugins,
    ),
    Function(
        "pluginSettings",
        Bilingual("某插件的设置", "The settings of a plugin that is on"),
        ListOf(PLUGIN_SETTING),
        _settings,
        (_PLUGIN,),
        cost=10,
    ),
    Function(
        "pluginFaults",
        Bilingual("插件故障", "Faults of plugins, the latest first"),
        ListOf(FAULT),
        _faults,
        (
            argument("plugin", STRING, "只要此插件的", "Of this plugin only"),
            argument("settled", BOOLEAN, "也要已处理的", "Those that were settled too", default=False),
            FIRST,
        ),
        cost=10,
    ),
    Function(
        "pluginPlan",
        Bilingual("启用或升级某插件的影响", "What enabling or upgrading a plugin would do"),
        PLUGIN_PLAN,
        _plan,
        (_PLUGIN,),
        cost=200,
    ),
    Function(
        "contributions",
        Bilingual("已启用插件提供的内容", "What the enabled plugins bring to one part"),
        ListOf(CONTRIBUTION),
        _contributions,
        (argument("part", STRING, "部分，例如 forms、triggers", "The part, as forms or triggers", required=True),),
        cost=5,
    ),
    Function(
        "navigation",
        Bilingual("插件提供的菜单", "The menu that plugins bring"),
        ListOf(NAVIGATION),
        _navigation,
        cost=5,
    ),
    Function(
        "forms",
        Bilingual("已启用插件的业务表单", "The forms of the enabled plugins"),
        ListOf(FORM),
        _forms,
        (argument("key", STRING, "只要此表单", "Only the form of this full key"),),
        cost=10,
    ),
)
