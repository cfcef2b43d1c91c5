"""eval: every policy of the run, and random actions, on the held-out episodes of `final_eval`."""

from pathlib import Path

from rlx.config.checks import check_engine
from rlx.config.composition import read_parameters
from rlx.entry import run_stage
from rlx.held_out import evaluate_run
from rlx.runs import RunFolder


def main(run: str) -> None:
    """Write episodes.csv and summary.json into runs/<run>/eval/."""
    root = Path.cwd()
    parameters = read_parameters(root)
    check_engine(parameters.engine)
    evaluate_run(root, run, RunFolder(root / "runs" / run).snapshot, parameters.final_eval, print)


if __name__ == "__main__":
    run_stage(main)
