"""The arguments that environments declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest

from rlx.envs import declared_arguments
from rlx.errors import EnvironmentUnusable
from tests.cases.hole import Hole


@pytest.fixture
def registered() -> Iterator[None]:
    gymnasium.register("Declared-v0", entry_point=Hole, kwargs={"width": 0.7, "other": 3})
    gymnasium.register("Absent-v0", entry_point="no_such_module_here:Env")
    yield
    del gymnasium.registry["Declared-v0"], gymnasium.registry["Absent-v0"]


@pytest.mark.usefixtures("registered")
def test_the_registration_comes_before_the_class() -> None:
    wanted: dict[str, Any] = {"render_mode": None, "width": 0.7, "level": 2, "name": "a", "other": 3}
    assert declared_arguments("Declared-v0") == wanted
    assert declared_arguments("Pendulum-v1")["g"] == 10.0


@pytest.mark.usefixtures("registered")
def test_what_cannot_be_imported_is_told() -> None:
    for name in ("Absent-v0", "Nowhere-v7"):
        with pytest.raises(EnvironmentUnusable, match="cannot be read"):
            declared_arguments(name)
