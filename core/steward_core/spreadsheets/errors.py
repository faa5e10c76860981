"""Why a spreadsheet is refused as a whole. What is wrong with one cell or row is a `FieldProblem` of that row."""

from __future__ import annotations

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual

_SAVE_AS_XLSX = Bilingual(
    "请在 Excel 或 WPS 中打开，“另存为”.xlsx 或 UTF-8 编码的 .csv 后重新上传。",
    "Open it in Excel or WPS, save it as .xlsx or as .csv in UTF-8, and send it again.",
)


class SpreadsheetRefused(StewardError):
    """A file that is not read; nothing of it was taken over."""

    code = "spreadsheet_refused"
    status = 422
    message = Bilingual("表格文件无法读取。", "The spreadsheet cannot be read.")
    remedy = _SAVE_AS_XLSX


class SpreadsheetUnreadable(SpreadsheetRefused):
    """Damaged, empty, or no spreadsheet at all."""

    code = "spreadsheet_unreadable"
    message = Bilingual("文件已损坏或不是 XLSX/CSV 表格。", "The file is damaged or is no XLSX or CSV spreadsheet.")


class OldSpreadsheetFormat(SpreadsheetRefused):
    """An .xls of Excel 97–2003, a binary .xlsb, an .ods, or a web page named .xls."""

    code = "spreadsheet_old_format"
    message = Bilingual("文件是 {found}，不支持该格式。", "The file is {found}: this format is not supported.")


class MacrosInSpreadsheet(SpreadsheetRefused):
    """It carries macros (.xlsm, vbaProject, macro sheets)."""

    code = "spreadsheet_macros"
    message = Bilingual("文件含有宏，出于安全原因拒绝读取。", "The file contains macros and is refused for safety.")
    remedy = Bilingual("请“另存为”不含宏的 .xlsx 后重新上传。", "Save it as .xlsx without macros and send it again.")


class SpreadsheetEncrypted(SpreadsheetRefused):
    """It is protected by a password."""

    code = "spreadsheet_encrypted"
    message = Bilingual("文件已加密，无法读取。", "The file is protected by a password.")
    remedy = Bilingual("请取消打开密码后重新上传。", "Remove the password and send it again.")


class SpreadsheetInflates(SpreadsheetRefused):
    """Its compressed parts are, or claim to be, larger or more than the limits."""

    code = "spreadsheet_inflates"
    message = Bilingual(
        "文件解压后过大或压缩异常，出于安全原因拒绝读取。",
        "The file inflates to too much or is compressed abnormally and is refused for safety.",
    )
    remedy = Bilingual(
        "请拆分为多个文件，或“另存为”.csv 后重新上传。",
        "Split it into several files, or save it as .csv and send it again.",
    )


class SpreadsheetTooLarge(SpreadsheetRefused):
    """The file has more bytes than the limit."""

    code = "spreadsheet_too_large"
    status = 413
    message = Bilingual("文件超过 {limit} MB。", "The file is larger than {limit} MB.")
    remedy = Bilingual("请拆分为多个文件后分别上传。", "Split it into several files.")


class BadEncoding(SpreadsheetRefused):
    """A row has bytes that are neither UTF-8 nor GB18030 (or not the UTF-16 its mark announces)."""

    code = "spreadsheet_bad_encoding"
    message = Bilingual(
        "第 {row} 行含有无法按 {encoding} 识别的字节。", "Row {row} has bytes that are no {encoding} text."
    )
    remedy = Bilingual(
        "请在 Excel 中“另存为”“CSV UTF-8”后重新上传，并检查该行。",
        "Save it as “CSV UTF-8” in Excel, check that row, and send it again.",
    )


class NulInText(SpreadsheetRefused):
    """A row has NUL characters: a damaged or binary file, or UTF-16 without its mark."""

    code = "spreadsheet_nul"
    message = Bilingual("第 {row} 行含有空字符（NUL）。", "Row {row} contains NUL characters.")


class RecordTooLong(SpreadsheetRefused):
    """A row does not end within the limit: mostly a quotation mark that is never closed."""

    code = "spreadsheet_record_too_long"
    message = Bilingual(
        "第 {row} 行过长，多半是引号未成对。", "Row {row} is too long; most likely a quotation mark is not closed."
    )
    remedy = Bilingual("请检查该行的引号后重新上传。", "Check the quotation marks of that row and send it again.")


class TooManyColumns(SpreadsheetRefused):
    """More columns than the limit."""

    code = "spreadsheet_too_wide"
    message = Bilingual("表格超过 {limit} 列。", "The table has more than {limit} columns.")
    remedy = Bilingual("请删除多余的列后重新上传。", "Remove the columns that are not needed and send it again.")


class NoHeader(SpreadsheetRefused):
    """No row with column titles."""

    code = "spreadsheet_no_header"
    message = Bilingual("表格中没有标题行。", "The table has no row with column titles.")
    remedy = Bilingual(
        "请在第一行填写各列标题后重新上传。", "Put the titles of the columns into the first row and send it again."
    )


class DuplicateColumns(SpreadsheetRefused):
    """Several columns have the same title."""

    code = "spreadsheet_duplicate_columns"
    message = Bilingual("列标题重复：{titles}。", "Columns with the same title: {titles}.")
    remedy = Bilingual("请修改标题，使每列标题唯一。", "Change the titles so that each is used once.")


class SheetNotFound(SpreadsheetRefused):
    """The workbook has no visible sheet of this name."""

    code = "spreadsheet_no_sheet"
    message = Bilingual("文件中没有工作表“{sheet}”。", "The file has no sheet “{sheet}”.")
    remedy = Bilingual("可用的工作表：{sheets}。", "Sheets there are: {sheets}.")


class PositionLost(SpreadsheetRefused):
    """A stored position does not fit the file: it is another file than the one that was begun."""

    code = "spreadsheet_position"
    status = 409
    message = Bilingual(
        "续读位置与文件不符，文件可能已被替换。", "The stored position does not fit the file; it was replaced."
    )
    remedy = Bilingual("请重新开始导入。", "Start the import again.")
