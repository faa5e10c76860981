"""The channels that there are: e-mail, and the tenant's webhook."""

from __future__ import annotations

from steward_core.notifications.senders import SENDERS, EmailSender, register_sender
from steward_core.notifications.webhook_channel import WebhookSender

register_sender(EmailSender())
register_sender(WebhookSender())

__all__ = ["SENDERS"]
