"""Errors of configuration files."""

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class ConfigurationRefused(StewardError):
    """The file cannot be applied; `problems` name every part of it that cannot, and nothing was changed."""

    code = "configuration_refused"
    status = 422
    message = Bilingual(
        "配置文件有 {count} 处问题，未应用任何内容。", "The file has {count} problems; nothing of it was applied."
    )
    remedy = Bilingual("请按提示修改文件后重新应用。", "Correct the file as it says and apply it again.")


class ConfigurationUnreadable(StewardError):
    """The bytes are no configuration file; the one problem says why."""

    code = "configuration_unreadable"
    status = 422
    message = Bilingual("无法读取配置文件。", "The configuration file cannot be read.")
    remedy = Bilingual("请使用导出的 JSON 文件。", "Use a JSON file as it was exported.")
