"""resolve: compose params.yaml and configs/<run>.yaml into the run's complete effective configuration.

Everything that can be wrong with a configuration is said here, before anything trains.
"""

from pathlib import Path

from rlx.atomic import write_json, write_text
from rlx.config.checks import check_engine
from rlx.config.composition import read_parameters
from rlx.entry import run_stage
from rlx.experiments import check_roster
from rlx.resolving import resolve_run


def main(run: str) -> None:
    """Write config_snapshot.yaml, and task.json (what the check of the environment found), into runs/<run>/."""
    root = Path.cwd()
    parameters = read_parameters(root)
    check_engine(parameters.engine)
    check_roster(root, parameters.study.runs)
    resolved = resolve_run(root, run)
    for notice in resolved.notices:
        print(f"{run}: {notice}")
    write_text(root / "runs" / run / "config_snapshot.yaml", resolved.snapshot.to_yaml())
    write_json(root / "runs" / run / "task.json", resolved.facts.to_data())


if __name__ == "__main__":
    run_stage(main)
