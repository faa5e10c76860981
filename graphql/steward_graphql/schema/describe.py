"""Descriptions: the Chinese text first, then the English one."""

from __future__ import annotations

import re

from steward_tenants.access.permissions import Permission
from steward_tenants.texts import Bilingual

_ENDS = "。.；; \n"
_told: dict[str, str] = {}


def describe(text: Bilingual, *more: Bilingual) -> str:
    """`中文。English.` of one text, or of several in a row. Equal ones are one string in all schemas."""
    texts = (text, *more)
    zh = "".join(f"{one.zh.rstrip(_ENDS)}。" for one in texts)
    en = " ".join(f"{one.en.rstrip(_ENDS)}." for one in texts)
    told = zh + en[:1].upper() + en[1:]
    return _told.setdefault(told, told)


def head(text: Bilingual) -> str:
    """What something is called in Chinese, without what its text goes on to explain: 客户 of “客户：由…管理的单位”."""
    return re.split("[：；，。]", text.zh, maxsplit=1)[0]


def needs(permission: Permission | None) -> tuple[Bilingual, ...]:
    """What a description says of the permission that something takes."""
    if permission is None:
        return ()
    title = permission.title
    return (
        Bilingual(
            f"需要权限“{title.zh}”（{permission.key}）", f"It takes the permission “{title.en}” ({permission.key})"
        ),
    )
