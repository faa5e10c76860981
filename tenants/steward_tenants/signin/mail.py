"""Sending mail: over SMTP, or as files in a folder where there is no mail server (embedded mode)."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from steward_tenants.database.identifiers import new_id

TIMEOUT_SECONDS = 20
SUBMISSION_PORT = 587
SECURE_PORT = 465


@dataclass(frozen=True)
class Letter:
    """A mail to one person, in plain text. With a `key`, letters and digits, it bears the same Message-ID each time
    that it is sent, so that mail systems can tell a second copy."""

    to: str
    subject: str
    text: str
    key: str | None = None


class Mailer(Protocol):
    """Whatever can send a letter. Raises OSError or smtplib.SMTPException when it cannot."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over; returning means the mail server (or the folder) has it."""
        ...


def _message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    domain = sender.rpartition("@")[2].strip(" >")
    message["Message-ID"] = f"<{letter.key}@{domain}>" if letter.key and domain else make_msgid(domain=domain or None)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, cte="base64")
    return message


class SmtpMailer:
    """Sends over `smtp://[user:password@]host[:587]` (STARTTLS where the server offers it, and always before a
    password is sent) or `smtps://…[:465]`."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (SECURE_PORT if self._secure else SUBMISSION_PORT)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        """Send it in a thread. Raises OSError, smtplib.SMTPException."""
        await asyncio.to_thread(self._send, _message(letter, self._sender))

    def _send(self, message: EmailMessage) -> None:
        with self._connection() as server:
            if self._user:
                server.login(self._user, self._password)
            server.send_message(message)

    def _connection(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._secure:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_SECONDS, context=context)
        server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif self._user:
                raise smtplib.SMTPNotSupportedError("no password is sent without TLS")
        except BaseException:
            server.close()
            raise
        return server


class FolderMailer:
    """Writes each letter as an `.eml` file that only the owner can read."""

    def __init__(self, folder: Path, sender: str = "steward@localhost") -> None:
        self.folder = folder
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        """Write the file. Raises OSError."""
        await asyncio.to_thread(self._write, _message(letter, self._sender))

    def _write(self, message: EmailMessage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.folder / f"{new_id()}.eml"
        partial = target.with_suffix(".part")
        partial.touch(mode=0o600)
        partial.write_bytes(message.as_bytes())
        partial.replace(target)
