"""Errors of stored files."""

from steward_tenants.errors import NotFound, StewardError
from steward_tenants.texts import Bilingual


class FileNotFound(NotFound):
    """No such file, or the actor may not know of it."""

    code = "file_not_found"
    message = Bilingual("找不到该文件。", "No such file.")
    remedy = Bilingual(
        "请检查文件编号；文件也可能已过期或被删除。",
        "Check the file's id; it may also have expired or been deleted.",
    )


class FileTooLarge(StewardError):
    """The bytes exceed the limit; `megabytes` says how much is allowed."""

    code = "file_too_large"
    status = 413
    message = Bilingual("文件超过 {megabytes} MB 的上限。", "The file exceeds {megabytes} MB.")
    remedy = Bilingual("请压缩或拆分后重新上传。", "Compress or split it and upload again.")


class MediaTypeRefused(StewardError):
    """The declared type is not on the list, or the bytes are obviously something else."""

    code = "media_type_refused"
    status = 415
    message = Bilingual("不接受类型为 {media_type} 的此文件。", "This file of type {media_type} is not accepted.")
    remedy = Bilingual(
        "可上传 PDF、图片、文本、CSV、JSON、ZIP 和 Office 文档，且内容须与类型一致。",
        "PDF, images, text, CSV, JSON, ZIP and Office documents are taken; the bytes must match the type.",
    )


class FileDamaged(StewardError):
    """The stored bytes are missing or are no longer those that were written."""

    code = "file_damaged"
    status = 500
    message = Bilingual("文件内容已丢失或损坏。", "The file's content is lost or damaged.")
    remedy = Bilingual("请联系平台运营方从备份恢复。", "Ask the platform's operator to restore it from a backup.")


class FilesUnreachable(StewardError):
    """The place where files are kept does not answer, or refuses; nothing was changed."""

    code = "files_unreachable"
    status = 503
    message = Bilingual("文件存储暂时不可用。", "The storage of files is not available at the moment.")
    remedy = Bilingual(
        "请稍后重试；如仍出错，请平台运营方执行 steward doctor。",
        "Try again in a moment; if it stays, have the platform's operator run `steward doctor`.",
    )

    def headers(self) -> dict[str, str]:
        """A moment's patience."""
        return {"Retry-After": "5"}
