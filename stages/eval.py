"""eval: every policy of the run, and random actions, on the held-out episodes that its judging.yaml names."""

from pathlib import Path

from rlx.config.checks import check_engine
from rlx.config.composition import read_parameters
from rlx.entry import run_stage
from rlx.held_out import evaluate_run
from rlx.runs import RunFolder


def main(run: str) -> None:
    """Write episodes.csv and summary.json into runs/<run>/eval/."""
    root = Path.cwd()
    check_engine(read_parameters(root).engine)
    folder = RunFolder(root / "runs" / run)
    evaluate_run(root, run, folder.snapshot, folder.judged.final_eval, print)


if __name__ == "__main__":
    run_stage(main)
