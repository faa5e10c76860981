"""Commands about one's own notices."""

from __future__ import annotations

from steward_core.notifications.models import Notice
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import done, number, row
from steward_tenants.texts import Bilingual


def notices() -> dict[str, Offer]:
    """Reading them, and choosing how they come."""
    return {
        "notices.read": Offer(
            "markNoticeRead",
            (row("notice", Notice, "通知", "The notice"),),
            texts={"notice_id": Bilingual("通知", "The notice")},
        ),
        "notices.read_all": Offer(
            "markAllNoticesRead", (number("notices", "标为已读的条数", "How many were not read yet"),)
        ),
        "notices.preference.set": Offer(
            "setNoticePreference",
            (done(),),
            Bilingual("站内收件箱始终显示", "the inbox shows them all the same"),
            texts={
                "kind": Bilingual("通知种类的标识", "Key of the kind of notice"),
                "channel": Bilingual("渠道标识，如 email", "The channel's key, such as email"),
                "wanted": Bilingual("是否发送；空值恢复默认", "Whether to send them; null goes back to the default"),
            },
        ),
        "notices.quiet_hours.set": Offer(
            "setQuietHours",
            (done(),),
            Bilingual("期间的邮件在结束时合并为一封", "what falls into them is sent as one message when they end"),
            texts={
                "starts": Bilingual(
                    "开始，HH:MM；与结束均空则取消", "Begin, HH:MM; neither begin nor end: none at all"
                ),
                "ends": Bilingual("结束，HH:MM；早于开始则为次日", "End, HH:MM; the next day's when before the begin"),
                "time_zone": Bilingual("时区（IANA 名称）；空为租户时区", "IANA time zone; null: the tenant's"),
            },
        ),
    }
