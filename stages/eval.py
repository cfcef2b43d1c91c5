"""eval: every policy of the run, and random actions, on the held-out episodes that its judging.yaml names."""

from pathlib import Path

from rlx.config import check_engine, read_parameters
from rlx.experiments import run_stage
from rlx.records import RunFolder
from rlx.training import evaluate_run


def main(run: str) -> None:
    """Write episodes.csv and summary.json into runs/<run>/eval/."""
    root = Path.cwd()
    check_engine(read_parameters(root).engine)
    folder = RunFolder(root / "runs" / run)
    evaluate_run(root, run, folder.snapshot, folder.judged.final_eval, print)


if __name__ == "__main__":
    run_stage(main)
