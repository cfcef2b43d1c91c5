"""resolve: compose params.yaml and configs/<run>.yaml into the run's complete effective configuration.

Everything that can be wrong with a configuration is said here, before anything trains.
"""

from pathlib import Path

from rlx.config import check_engine, read_parameters
from rlx.experiments import check_roster, resolve_run, run_stage


def main(run: str) -> None:
    """Write config_snapshot.yaml, judging.yaml and task.json into runs/<run>/."""
    root = Path.cwd()
    parameters = read_parameters(root)
    check_engine(parameters.engine)
    check_roster(root, parameters.study.runs)
    resolved = resolve_run(root, run)
    for notice in resolved.notices:
        print(f"{run}: {notice}")
    resolved.write(root / "runs" / run)


if __name__ == "__main__":
    run_stage(main)
