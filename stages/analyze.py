"""analyze: the facts of one run: outcome, learning speed, stability, spread between seeds."""

from pathlib import Path

from rlx.entry import run_stage
from rlx.report.run_analysis import analyze_run
from rlx.runs import RunFolder


def main(run: str) -> None:
    """Write analysis.json, analysis.md and plots/ into runs/<run>/."""
    analyze_run(RunFolder(Path.cwd() / "runs" / run))
    print(f"{run}: analysis.md and plots/ are written")


if __name__ == "__main__":
    run_stage(main)
