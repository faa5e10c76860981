"""The day sheet as a PDF. Its Chinese font is one that every reader brings along, so that none is embedded."""

from __future__ import annotations

from html import escape
from io import BytesIO

from steward_core.visits.day_sheet import DaySheet
from steward_core.visits.day_sheet_words import COLUMNS, HEADING, LEGEND, NOTHING, cells, subtitle, times

FONT = "STSong-Light"
_WIDTHS = (14, 40, 44, 34, 32, 34, 40, 36)
"""Of the columns, in millimetres."""


def pdf_sheet(sheet: DaySheet, locale: str) -> bytes:
    """The sheet on A4, crosswise, in `zh-CN` or `en`."""
    # Few processes ever print: the library is loaded by the first that does.
    from reportlab.lib import colors  # noqa: PLC0415 - see above
    from reportlab.lib.pagesizes import A4, landscape  # noqa: PLC0415 - see above
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415 - see above
    from reportlab.lib.units import mm  # noqa: PLC0415 - see above
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415 - see above
    from reportlab.pdfbase.pdfmetrics import registerFont  # noqa: PLC0415 - see above
    from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle  # noqa: PLC0415 - see above

    registerFont(UnicodeCIDFont(FONT))
    plain = ParagraphStyle("plain", fontName=FONT, fontSize=8, leading=10.5, wordWrap="CJK")
    heading = ParagraphStyle("heading", parent=plain, fontSize=14, leading=18)

    def cell(text: str) -> Paragraph:
        return Paragraph(escape(text).replace("\n", "<br/>"), plain)

    rows = [[cell(column.in_locale(locale)) for column in COLUMNS]]
    rows += [[cell(text) for text in cells(stop, locale)] for stop in sheet.stops]
    if not sheet.stops:
        rows.append([cell(NOTHING.in_locale(locale)), *(cell("") for _ in COLUMNS[1:])])
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.4, colors.black),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ]
    )
    table = LongTable(rows, colWidths=[width * mm for width in _WIDTHS], repeatRows=1, style=style, splitInRow=1)
    target = BytesIO()
    title = HEADING.in_locale(locale)
    document = SimpleDocTemplate(
        target,
        pagesize=landscape(A4),
        leftMargin=10 * mm,
        rightMargin=10 * mm,
        topMargin=10 * mm,
        bottomMargin=10 * mm,
        title=f"{title} {sheet.day}",
        invariant=1,
    )
    document.build(
        [
            Paragraph(escape(title), heading),
            cell(subtitle(sheet).in_locale(locale)),
            cell(times(sheet).in_locale(locale)),
            cell(LEGEND.in_locale(locale)),
            Spacer(1, 3 * mm),
            table,
        ]
    )
    return target.getvalue()
