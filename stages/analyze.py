"""analyze: the whole picture of one run: outcome, learning, stability, seeds, what went wrong, what to try."""

from pathlib import Path

from rlx.entry import run_stage
from rlx.report.diagnosis_words import headline
from rlx.report.run_analysis import analyze_run
from rlx.runs import RunFolder


def main(run: str) -> None:
    """Write analysis.json, analysis.md and plots/ into runs/<run>/."""
    found = analyze_run(RunFolder(Path.cwd() / "runs" / run))
    print(f"{run}: analysis.md and plots/ are written")
    print(f"{run}: {headline(found)}")


if __name__ == "__main__":
    run_stage(main)
