"""Errors of plugin switches."""

from steward_tenants.errors import Conflict
from steward_tenants.texts import Bilingual


class PluginSwitchChanged(Conflict):
    """Somebody else changed the plugin's switch since it was read."""

    code = "plugin_switch_changed"
    message = Bilingual("该插件的设置已被他人修改。", "The plugin's settings were changed by someone else.")
