"""Errors of industry plugins: what is not installed, not enabled, refused or failed."""

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class PluginNotInstalled(NotFound):
    """No installed distribution brings a plugin of this key, or the one that does could not be loaded."""

    code = "plugin_not_installed"
    message = Bilingual("未安装名为 {plugin} 的行业插件。", "No plugin named {plugin} is installed.")
    remedy = Bilingual(
        "请用 steward plugin list 查看可用插件及加载失败的原因。",
        "See `steward plugin list` for what can be used, and why others cannot.",
    )


class PluginNotEnabled(Conflict):
    """The plugin is installed, but this tenant has not enabled it."""

    code = "plugin_not_enabled"
    message = Bilingual("本租户未启用插件 {plugin}。", "The plugin {plugin} is not enabled here.")
    remedy = Bilingual("请先由租户管理员启用该插件。", "Have a tenant administrator enable it first.")


class PluginEnabledAlready(Conflict):
    """The plugin is on; its settings are changed by `configure`."""

    code = "plugin_enabled_already"
    message = Bilingual("插件 {plugin} 已启用。", "The plugin {plugin} is enabled already.")
    remedy = Bilingual("修改设置请使用配置功能。", "Configure it to change its settings.")


class PluginRequirementsMissing(Conflict):
    """The plugin needs others, which are not enabled here: `missing` names them."""

    code = "plugin_requirements_missing"
    message = Bilingual(
        "插件 {plugin} 依赖的插件未启用：{missing}。", "{plugin} needs plugins that are not enabled: {missing}."
    )
    remedy = Bilingual("请先启用所依赖的插件。", "Enable those first.")


class PluginsConflict(Conflict):
    """The plugin cannot be on together with others that are: `others` names them."""

    code = "plugins_conflict"
    message = Bilingual(
        "插件 {plugin} 与已启用的插件冲突：{others}。", "{plugin} conflicts with plugins that are enabled: {others}."
    )
    remedy = Bilingual("请先停用与之冲突的插件。", "Disable those first.")


class PluginStillRequired(Conflict):
    """Other enabled plugins need this one: `others` names them."""

    code = "plugin_still_required"
    message = Bilingual("已启用的插件仍依赖 {plugin}：{others}。", "Enabled plugins still need {plugin}: {others}.")
    remedy = Bilingual("请先停用依赖它的插件。", "Disable those first.")


class PluginFailed(StewardError):
    """What was asked of a plugin failed inside it; the rest of the product is unharmed."""

    code = "plugin_failed"
    status = 502
    message = Bilingual("插件 {plugin} 处理失败（{hook}）。", "The plugin {plugin} failed ({hook}).")
    remedy = Bilingual("故障已记录；请联系插件提供方。", "The fault is on record; tell whoever provides the plugin.")


class FormNotFound(NotFound):
    """No form of this key, or its plugin is not enabled here."""

    code = "form_not_found"
    message = Bilingual("没有名为 {form} 的表单。", "There is no form named {form}.")
    remedy = Bilingual("请检查表单标识，并确认其插件已启用。", "Check its key, and that its plugin is enabled.")


class TriggerNotFound(NotFound):
    """No trigger of this key, or its plugin is not enabled here."""

    code = "trigger_not_found"
    message = Bilingual("没有名为 {trigger} 的触发器。", "There is no trigger named {trigger}.")
    remedy = Bilingual("请检查触发器标识，并确认其插件已启用。", "Check its key, and that its plugin is enabled.")


class IndicatorNotFound(NotFound):
    """No indicator of this key, or its plugin is not enabled here."""

    code = "indicator_not_found"
    message = Bilingual("没有名为 {indicator} 的指标。", "There is no indicator named {indicator}.")
    remedy = Bilingual("请检查指标标识，并确认其插件已启用。", "Check its key, and that its plugin is enabled.")


class SchemeNotFound(NotFound):
    """No grading scheme of this key, or its plugin is not enabled here."""

    code = "grading_scheme_not_found"
    message = Bilingual("没有名为 {scheme} 的评级方案。", "There is no grading scheme named {scheme}.")
    remedy = Bilingual("请检查方案标识，并确认其插件已启用。", "Check its key, and that its plugin is enabled.")


class ImporterNotFound(NotFound):
    """No importer of this key, or its plugin is not enabled here."""

    code = "importer_not_found"
    message = Bilingual("没有名为 {importer} 的导入方案。", "There is no importer named {importer}.")
    remedy = Bilingual("请检查导入方案标识，并确认其插件已启用。", "Check its key, and that its plugin is enabled.")


class AdvisorNotFound(NotFound):
    """No advisor of this key, or its plugin is not enabled here."""

    code = "advisor_not_found"
    message = Bilingual("没有名为 {advisor} 的咨询规则。", "There is no advisor named {advisor}.")
    remedy = Bilingual("请检查咨询规则标识，并确认其插件已启用。", "Check its key, and that its plugin is enabled.")


class FaultNotFound(NotFound):
    """No such fault."""

    code = "plugin_fault_not_found"
    message = Bilingual("找不到该插件故障。", "No such fault of a plugin.")


class PluginSecretUnreadable(Conflict):
    """A stored secret is under a key that is no longer among those of STEWARD_SECRET_KEYS."""

    code = "plugin_secret_unreadable"
    message = Bilingual("插件 {plugin} 已保存的密钥无法解密。", "A stored secret of {plugin} cannot be read any more.")
    remedy = Bilingual(
        "请把原来的密钥加回 STEWARD_SECRET_KEYS，或重新填写该密钥。",
        "Put the earlier key back into STEWARD_SECRET_KEYS, or give the secret again.",
    )
