"""Errors of merging clients."""

from __future__ import annotations

from collections.abc import Sequence

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class _Refused(StewardError):
    status = 409


class MergeWithItself(_Refused):
    """Survivor and absorbed are the same client."""

    code = "merge_with_itself"
    message = Bilingual("不能把客户与自身合并。", "A client cannot be merged with itself.")
    remedy = Bilingual("请选择另一个客户。", "Choose another client.")


class ArrearsClash(_Refused):
    """Both clients have arrears for the same periods and sources; `periods` names them."""

    code = "merge_arrears_clash"
    message = Bilingual(
        "两个客户在以下期间都有欠费：{periods}", "Both clients have arrears for these periods: {periods}"
    )
    remedy = Bilingual("请核对后选择合计，或先更正其中一方。", "Compare them; have them added, or correct one first.")

    def __init__(self, periods: Sequence[str]) -> None:
        self.periods = tuple(periods)
        super().__init__(periods="、".join(self.periods[:20]) + ("…" if len(self.periods) > 20 else ""))
