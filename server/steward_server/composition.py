"""Making the parts of a process from its settings."""

from __future__ import annotations

from steward_server.settings import Settings
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.signing import parse_keys
from steward_tenants.files.store import FileStore, LocalFileStore
from steward_tenants.signin.mail import FolderMailer, Mailer, SmtpMailer


def make_database(settings: Settings) -> Database:
    """The database kit."""
    return Database(
        DatabaseSettings(
            application_url=settings.database_url.get_secret_value(),
            directory_url=settings.directory_url.get_secret_value(),
            tenant_keys=parse_keys(settings.tenant_keys.get_secret_value()),
            secret_keys=parse_keys(settings.secret_keys.get_secret_value()),
            pool_size=settings.pool_size,
            statement_timeout_ms=settings.statement_timeout_ms,
            prepared_statements=settings.prepared_statements,
        )
    )


def make_file_store(settings: Settings) -> FileStore:
    """Where files lie: a folder."""
    return LocalFileStore(settings.files_path)


def make_mailer(settings: Settings) -> Mailer:
    """The mail server that is set; without one, letters become files beside the uploaded ones."""
    if settings.smtp_url is None or settings.mail_from is None:
        return FolderMailer(settings.files_path.parent / "mail")
    return SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)
