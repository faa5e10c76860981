"""Declared settings: what a tenant can set, its type, its default, and who may change it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, TypeAdapter

from steward_tenants.access.permissions import SETTINGS_MANAGE, SIGNIN_POLICY, Permission
from steward_tenants.database.session import WriteSession
from steward_tenants.texts import Bilingual

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting of a tenant. `permission` is what changing it needs; everybody in the tenant may read it."""

    key: str
    title: Bilingual
    default: T
    permission: Permission
    adapter: TypeAdapter[T] = field(repr=False, compare=False)

    def parse(self, stored: Any) -> T:
        """The stored JSON value in the setting's type; the default when a newer version no longer takes it."""
        try:
            return self.adapter.validate_python(stored)
        except ValueError:
            return self.default

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        return self.adapter.json_schema()


SETTINGS: dict[str, Setting[Any]] = {}
AfterSetting = Callable[[WriteSession], Awaitable[None]]
_FOLLOWING: dict[str, list[AfterSetting]] = {}


def declare_setting(
    key: str,
    value_type: Any,
    default: T,
    zh: str,
    en: str,
    *,
    permission: Permission = SETTINGS_MANAGE,
) -> Setting[T]:
    """Declare a setting; a key stands once and the default must itself be valid."""
    if key in SETTINGS:
        raise ValueError(f"setting {key} is declared twice")
    adapter: TypeAdapter[T] = TypeAdapter(value_type)
    adapter.validate_python(default)
    setting = Setting(key, Bilingual(zh, en), default, permission, adapter)
    SETTINGS[key] = setting
    return setting


def when_set(key: str, follow: AfterSetting) -> None:
    """Have something done, in the same transaction, whenever the setting of this key was changed or reset."""
    _FOLLOWING.setdefault(key, []).append(follow)


async def follow_setting(session: WriteSession, key: str) -> None:
    """Do what follows a change of the setting of this key."""
    for follow in _FOLLOWING.get(key, ()):
        await follow(session)


FILE_MEGABYTES = declare_setting(
    "files.megabytes",
    Annotated[int, Field(ge=1, le=1024)],
    10,
    "单个上传文件的上限（MB）",
    "Largest upload (MB)",
)
SUPPORT_HOURS = declare_setting(
    "support.hours",
    Annotated[int, Field(ge=1, le=72)],
    72,
    "支持访问的最长时间（小时）",
    "Longest support access (hours)",
    permission=SIGNIN_POLICY,
)
PERSONAL_COPY_DAYS = declare_setting(
    "privacy.copy_days",
    Annotated[int, Field(ge=1, le=90)],
    14,
    "个人信息副本的保留天数",
    "Days that a copy of personal data stays available",
)
