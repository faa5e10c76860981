"""The day sheet as a page to print: one document, nothing loaded from anywhere, every text escaped."""

from __future__ import annotations

from html import escape

from steward_core.visits.day_sheet import DaySheet
from steward_core.visits.day_sheet_words import COLUMNS, HEADING, LEGEND, NOTHING, cells, subtitle, times

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""For whoever serves it: the page needs its own style and nothing else."""
_STYLE = """
body { font: 14px/1.4 "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; margin: 1.5rem; color: #000; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
p { margin: .1rem 0; }
table { border-collapse: collapse; width: 100%; margin-top: .8rem; }
th, td { border: 1px solid #444; padding: .3rem .4rem; text-align: left; vertical-align: top; white-space: pre-line; }
th { background: #eee; }
td:last-child { min-width: 9rem; height: 3.6rem; }
@media print {
  @page { size: A4 landscape; margin: 10mm; }
  body { margin: 0; font-size: 10px; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  th { background: none; }
}
"""


def html_sheet(sheet: DaySheet, locale: str) -> str:
    """The page in `zh-CN` or `en`."""
    heading = escape(HEADING.in_locale(locale))
    head = "".join(f"<th scope=col>{escape(column.in_locale(locale))}</th>" for column in COLUMNS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(stop, locale)) + "</tr>" for stop in sheet.stops
    )
    if not rows:
        rows = f"<tr><td colspan={len(COLUMNS)}>{escape(NOTHING.in_locale(locale))}</td></tr>"
    return (
        f'<!DOCTYPE html><html lang="{escape(locale)}"><head><meta charset="utf-8">'
        f"<title>{heading} {sheet.day}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{heading}</h1><p>{escape(subtitle(sheet).in_locale(locale))}</p>"
        f"<p>{escape(times(sheet).in_locale(locale))}</p><p>{escape(LEGEND.in_locale(locale))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></body></html>"
    )
