"""Checks of what films need: each environment gives a picture without a screen, and there is an encoder."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rlx.config import EnvConfig, step_timeout
from rlx.errors import ConfigError, RlxError
from rlx.launch import Failure, run_alone
from rlx.report.doctor.finding import Finding, listed, ok, problem, warning

PATIENCE = 60.0
"""Seconds that one call of an environment may take here, unless `env.step_timeout` gives it less."""


def renderer(root: Path | None) -> Iterator[Finding]:
    """Check that every environment of the project gives a picture; outside a project, CartPole-v1."""
    environments = _environments(root)
    bad = []
    for env in environments:
        patience = min(PATIENCE, step_timeout(root, env) if root else PATIENCE)
        said = run_alone(picture, (root, env), step_timeout=patience, time_limit=2 * PATIENCE)
        if isinstance(said, Failure):
            said = said.message
        if said:
            bad.append(env.id)
            yield warning(
                "renderer",
                f"{env.id}: {said}",
                "runs on it train and are scored all the same; only films are missing",
            )
    if not bad:
        yield ok("renderer", f"{listed([env.id for env in environments])}: a picture without a screen")


def _environments(root: Path | None) -> list[EnvConfig]:
    """Return the environments of the study's runs, each once; those whose configs are broken are told elsewhere."""
    from rlx.config import compose_run, read_parameters

    found: dict[str, EnvConfig] = {}
    try:
        runs = read_parameters(root).study.runs if root else []
    except ConfigError:
        runs = []
    for run in runs:
        assert root is not None
        try:
            env = compose_run(root, run).config.env
        except ConfigError:
            continue
        found.setdefault(env.id, env)
    return list(found.values()) or [EnvConfig(id="CartPole-v1")]


def picture(root: Path | None, env: EnvConfig, _: Callable[[Any], None]) -> str:
    """Make an environment and draw it once, in a process of its own; returns what went wrong, or nothing."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    from rlx.envs import make_env, own_registrations
    from rlx.launch import Call, calling, close_later
    from rlx.training import draw

    try:
        if root is not None:
            own_registrations(root)
        made = make_env(env, render_mode="rgb_array")
        try:
            with calling(Call.RESET):
                made.reset(seed=0)
            with calling(Call.RENDER):
                draw(made)
        finally:
            close_later(made)
    except RlxError as error:
        return str(error)
    return ""


def encoder(_: Path | None) -> Iterator[Finding]:
    """Check that a picture can be encoded as H.264."""
    cure = f"`{sys.executable} -m pip install --force-reinstall av`"
    try:
        import av
        import numpy as np

        with av.open(io.BytesIO(), "w", format="mp4") as container:
            stream: Any = container.add_stream("libx264", rate=30)
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    except Exception as error:  # noqa: BLE001 — FFmpeg's errors are many
        yield problem("encoder", f"H.264 cannot be encoded: {type(error).__name__}: {error}", cure)
        return
    yield ok("encoder", f"H.264 (PyAV {av.__version__})")
