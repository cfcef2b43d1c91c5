"""analyze: the whole picture of one run: outcome, learning, stability, seeds, what went wrong, what to try."""

from pathlib import Path

from rlx.experiments import run_stage
from rlx.records import RunFolder
from rlx.report import analyze_run, headline


def main(run: str) -> None:
    """Write analysis.json, analysis.md and plots/ into runs/<run>/."""
    found = analyze_run(RunFolder(Path.cwd() / "runs" / run))
    print(f"{run}: analysis.md and plots/ are written")
    print(f"{run}: {headline(found)}")


if __name__ == "__main__":
    run_stage(main)
