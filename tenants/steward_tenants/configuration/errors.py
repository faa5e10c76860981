"""Errors of settings."""

from steward_tenants.errors import Conflict, NotFound
from steward_tenants.texts import Bilingual


class SettingNotFound(NotFound):
    """No setting is declared under this key."""

    code = "setting_not_found"
    message = Bilingual("没有名为 {key} 的设置。", "There is no setting {key}.")
    remedy = Bilingual("请从设置列表中选择。", "Choose one from the list of settings.")


class SettingChangedMeanwhile(Conflict):
    """Somebody else changed it since it was read."""

    code = "setting_changed"
    message = Bilingual("设置已被他人修改。", "The settings were changed by someone else.")
