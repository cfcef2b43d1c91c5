"""How long one call of an environment may take: asked of the project, since no snapshot or checkpoint holds it.

It cannot change a result, so that changing it must train nothing.
"""

from __future__ import annotations

from pathlib import Path

from rlx.config.composition import compose_run, read_parameters
from rlx.config.schema import EnvConfig
from rlx.errors import ConfigError


def step_timeout(root: Path, env: EnvConfig, run: str | None = None) -> float:
    """Return ``env.step_timeout``: as the run's config says, else as one with the same environment, else ``params.yaml``.

    Args:
        root: The project; outside of one the default holds.
        env: The environment.
        run: The run whose config is asked first.
    """
    names = [run] if run is not None and (root / "configs" / f"{run}.yaml").is_file() else []
    for name in [*names, *sorted(path.stem for path in (root / "configs").glob("*.yaml"))]:
        try:
            found = compose_run(root, name).config.env
        except ConfigError:
            continue
        if name == run or found.is_same(env):
            return found.step_timeout
    try:
        return read_parameters(root).env.step_timeout
    except ConfigError:
        return env.step_timeout
