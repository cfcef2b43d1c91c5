"""The terminal as rich draws on it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from rlx.stats import visible

NARROWEST = 20
"""Columns below which nothing can be laid out; a terminal that says so is not believed."""
USUAL_WIDTH = 80


class Terminal(Console):
    """A console of rich on which data is visible, whatever object it is in, and whose width can be worked with."""

    def __init__(self, *, stderr: bool = False):
        """Draw on standard output, or on standard error."""
        super().__init__(highlight=False, stderr=stderr)
        if self.width < NARROWEST:
            self.width = USUAL_WIDTH if self.width < 2 else NARROWEST

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does, with control characters in texts made visible."""
        for segment in super().render(renderable, options):
            shown = segment.text if segment.control else visible(segment.text)
            yield segment if shown is segment.text else Segment(shown, segment.style)
