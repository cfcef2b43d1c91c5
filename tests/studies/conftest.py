"""What tests of studies share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rlx.studies.ledger.anchor import Anchor


@pytest.fixture(scope="module")
def without_commits() -> Iterator[None]:
    """Spare the commits that anchor each line of a ledger, where they are no part of what is tested."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Anchor, "move", lambda *_: None)
    yield
    patch.undo()
