"""video: a film of the run's median seed in its median held-out episode (not of its best)."""

from pathlib import Path

from rlx.config import read_parameters
from rlx.experiments import run_stage
from rlx.records import RunFolder
from rlx.stats import number
from rlx.training import film_run


def main(run: str) -> None:
    """Write median.mp4 and median.json (what it shows, or why there is none) into runs/<run>/videos/."""
    root = Path.cwd()
    folder = RunFolder(root / "runs" / run)
    film = film_run(root, run, folder.snapshot, folder.judged.final_eval, read_parameters(root).video)
    if film.file is None:
        print(f"{run}: {film.reason}")
    else:
        end = "" if film.complete else f", cut after {film.steps} steps (video.max_steps)"
        print(f"{run}: filmed seed {film.seed}, episode {film.episode}: return {number(film.filmed_return)}{end}")
        if film.complete and film.filmed_return != film.evaluated_return:
            print(
                f"{run}: it returned {number(film.evaluated_return)} in evaluation: the environment does not repeat itself"
            )


if __name__ == "__main__":
    run_stage(main)
