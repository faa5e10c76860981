"""Errors of notices."""

from __future__ import annotations

from steward_tenants.errors import NotFound
from steward_tenants.texts import Bilingual


class NoticeNotFound(NotFound):
    """The actor has no notice of this id."""

    code = "notice_not_found"
    message = Bilingual("找不到该通知。", "There is no such notice of yours.")
    remedy = Bilingual("通知可能已超过保留期，请刷新列表。", "It may be past its time; reload the list.")
