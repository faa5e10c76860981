"""Errors of the audit log."""

from __future__ import annotations

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class AnchorsUnreadable(StewardError):
    """An exported anchors file is damaged; `line` is the first line that cannot be read or is out of order."""

    code = "anchors_unreadable"
    status = 422
    message = Bilingual(
        "锚点文件第 {line} 行无法读取或顺序有误。", "Line {line} of the anchors file is damaged or out of order."
    )
    remedy = Bilingual(
        "请使用原样保存的导出文件，不要编辑或合并。",
        "Use the exported file as it was saved, neither edited nor merged.",
    )
