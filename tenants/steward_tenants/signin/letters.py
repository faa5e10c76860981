"""The mails of sign-in, in both languages."""

from __future__ import annotations

from datetime import datetime

from steward_tenants.signin.mail import Letter
from steward_tenants.signin.rules import RESET_LIFE

_INVITATION = """\
{name}，您好：

{tenant} 邀请您使用管家（Steward）。请打开下面的链接设置密码：

{url}

链接在 {until}（UTC）之前有效，只能使用一次。如果您不认识该公司，请忽略本邮件。

Hello {name},

{tenant} invites you to Steward. Open the link above to set a password. It works once, until {until} UTC.
If you do not know the company, ignore this mail.
"""

_RESET = """\
您好：

有人请求重置账号 {login} 的密码。如果是您本人，请打开下面的链接：

{url}

链接在 {minutes} 分钟内有效，只能使用一次。如果不是您本人，请忽略本邮件，密码不会改变。

Hello,

someone asked to reset the password of {login}. If it was you, open the link above. It works once, for {minutes}
minutes. If it was not you, ignore this mail: nothing changes.
"""


def invitation_letter(to: str, name: str, tenant: str, url: str, until: datetime) -> Letter:
    """The invitation to a tenant."""
    text = _INVITATION.format(name=name, tenant=tenant, url=url, until=f"{until:%Y-%m-%d %H:%M}")
    return Letter(to, "管家：邀请您登录 / Steward: your invitation", text)


def reset_letter(to: str, login: str, url: str) -> Letter:
    """The link that resets a password."""
    minutes = int(RESET_LIFE.total_seconds() // 60)
    return Letter(
        to,
        "管家：重置密码 / Steward: reset your password",
        _RESET.format(login=login, url=url, minutes=minutes),
    )
