"""Pages of docs/ that hold tables between two marks."""

from __future__ import annotations


def between(page: str, start: str, end: str, tables: str) -> str:
    """Return a page with what stands between its two marks made anew."""
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n\n{tables}\n\n{end}{after}"
