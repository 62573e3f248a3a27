"""Headings, text, tables and figures -> one HTML page that loads nothing from elsewhere."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

# default-src 'none' makes the browser refuse to load anything from elsewhere.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff }}
body {{ max-width: 1100px; margin: 2em auto; padding: 0 1em }}
h2 {{ margin-top: 2em; border-bottom: 1px solid #ddd }}
div {{ overflow-x: auto; margin: 1em 0 }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2em .7em; text-align: left; border-bottom: 1px solid #e5e5e5 }}
td {{ vertical-align: top; white-space: pre-line }}
th {{ background: #f4f4f4 }}
.number {{ text-align: right }}
img {{ max-width: 100%; display: block; margin: 1em 0 }}
</style>
</head>
<body>
"""


@dataclass(frozen=True)
class Table:
    """A table: the names of the columns, and rows of cells.

    Numbers are aligned to the right; all text is escaped.
    """

    header: Sequence[Any]
    rows: Sequence[Sequence[Any]]


def page(title: str, sections: Iterable[tuple[str, Iterable[str | Table | Figure]]]) -> str:
    """Returns an HTML page as text.

    Args:
      title: the title and first heading.
      sections: (heading, parts) each; a part is a paragraph, a Table or a matplotlib Figure. The
        figure's alternative text is its suptitle, or else the heading.

    Raises:
      TypeError: a part of another type.
    """
    lines = [_HEAD.format(title=html.escape(title)), f"<h1>{html.escape(title)}</h1>\n"]
    for heading, parts in sections:
        lines.append(f"<section>\n<h2>{html.escape(heading)}</h2>\n")
        lines.extend(_part(part, heading) for part in parts)
        lines.append("</section>\n")
    return "".join([*lines, "</body>\n</html>\n"])


def _part(part, heading):
    if isinstance(part, str):
        return f"<p>{html.escape(part)}</p>\n"
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Figure):
        text = html.escape(part.get_suptitle() or heading)
        return f'<img alt="{text}" src="data:image/png;base64,{_png(part)}">\n'
    raise TypeError(f"expected a str, a Table or a matplotlib Figure, got {type(part).__name__}")


def _table(table):
    # The first row decides for its column: a last row of shares ("12.3%") is aligned to the right.
    is_number = [isinstance(cell, int | float) for cell in (table.rows or [table.header])[0]]
    rows = [_row("td", row, is_number) for row in table.rows]
    header = _row("th", table.header, is_number)
    return (
        f"<div><table>\n<thead>{header}</thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table></div>\n"
    )


def _row(tag, cells, is_number):
    texts = (
        f"<{tag}{' class=number' * right}>{html.escape(str(cell))}</{tag}>"
        for cell, right in zip(cells, is_number)
    )
    return f"<tr>{''.join(texts)}</tr>"


def _png(figure):
    file = io.BytesIO()
    # Without matplotlib's version: equal figures give equal bytes for longer.
    figure.savefig(file, format="png", metadata={"Software": None})
    return base64.b64encode(file.getvalue()).decode()
