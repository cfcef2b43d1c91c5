"""compare: all runs of the study against the baseline: differences with intervals, and verdicts."""

from pathlib import Path

from rlx.config import read_parameters
from rlx.experiments import check_roster, run_stage
from rlx.records import RunFolder
from rlx.report import compare_folders, headlines, write_comparison


def main() -> None:
    """Write summary.json, comparison.json, comparison.md, tables and pictures into analysis/compare/."""
    root = Path.cwd()
    parameters = read_parameters(root)
    check_roster(root, parameters.study.runs)
    folders = [RunFolder(root / "runs" / run) for run in parameters.study.runs]
    study = compare_folders(folders, parameters.baseline, parameters.compare, parameters.study.methods)
    write_comparison(root / "analysis" / "compare", study, folders)
    for line in headlines(study):
        print(line)


if __name__ == "__main__":
    run_stage(main)
