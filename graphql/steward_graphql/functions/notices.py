"""How the caller wants to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steward_core.notifications.channels import SENDERS
from steward_core.notifications.queries import Preference, preferences_of, quiet_hours_of
from steward_core.notifications.service import told_hours
from steward_graphql.declared.scalars import BOOLEAN, STRING
from steward_graphql.declared.shapes import Asked, Function
from steward_graphql.functions.parts import part, several, shape, texts
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class ChannelChoice:
    """A channel, whether notices of a kind come by it, and whether that is the person's own choice."""

    channel: str
    title: Bilingual
    wanted: bool
    chosen: bool


@dataclass(frozen=True)
class Preferences:
    """All choices of a person."""

    kinds: list[Preference]
    quiet_hours: Mapping[str, str | None] | None


def _choices(one: Preference) -> list[ChannelChoice]:
    return [
        ChannelChoice(name, SENDERS[name].title, wanted, name in one.chosen) for name, wanted in one.channels.items()
    ]


CHANNEL = shape(
    "NoticeChannel",
    "一类通知的一个渠道",
    "A channel of a kind of notice",
    part("channel", STRING, "渠道标识，如 email", "The channel's key, such as email"),
    texts("title", "渠道名称", "Its title"),
    part("wanted", BOOLEAN, "是否经此渠道发送", "Whether notices of this kind come by it"),
    part("chosen", BOOLEAN, "是否为本人所选；否则为默认", "Whether the caller chose so; otherwise it is the default"),
)
KIND = shape(
    "NoticeKindPreference",
    "一类通知及其渠道；站内收件箱始终显示",
    "A kind of notice and its channels; the inbox shows all of them",
    part("kind", STRING, "通知种类的标识", "Key of the kind", read=lambda one: one.kind.key),
    texts("title", "通知种类", "Its title", read=lambda one: one.kind.title),
    several("channels", CHANNEL, "渠道", "Its channels", read=_choices),
)
QUIET_HOURS = shape(
    "QuietHours",
    "免打扰时段：期间的邮件在结束时合并为一封",
    "Quiet hours: what falls into them is sent as one message when they end",
    part("starts", STRING, "开始，HH:MM", "When they begin, HH:MM", read=lambda one: one["starts"]),
    part("ends", STRING, "结束，HH:MM", "When they end, HH:MM", read=lambda one: one["ends"]),
    part(
        "timeZone",
        STRING,
        "时区；空为租户时区",
        "Their time zone; none: the tenant's",
        nullable=True,
        read=lambda one: one["zone"],
    ),
)
PREFERENCES = shape(
    "NoticePreferences",
    "通知设置",
    "How a person wants to be told",
    several("kinds", KIND, "各类通知", "Every kind of notice"),
    part("quietHours", QUIET_HOURS, "免打扰时段", "The quiet hours", nullable=True),
)


async def _preferences(session: ReadSession, _asked: Asked) -> Preferences:
    hours = await quiet_hours_of(session)
    return Preferences(await preferences_of(session), None if hours is None else told_hours(hours))


FUNCTIONS = (
    Function(
        "noticePreferences",
        Bilingual("本人的通知设置", "How the caller wants to be told"),
        PREFERENCES,
        _preferences,
    ),
)
