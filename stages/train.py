"""train: every seed of the run that is not finished yet, in parallel, from the bench under .dvc/tmp/rlx/."""

import time
from datetime import UTC, datetime
from pathlib import Path

from rlx.algorithms import device_for
from rlx.config import check_engine, read_parameters
from rlx.experiments import git_state, run_stage
from rlx.records import RunFolder, write_metadata
from rlx.training import SeedOutcome, check, train_run


def main(run: str) -> None:
    """Write checkpoints/, metrics.jsonl, metadata.json and logs/ into runs/<run>/."""
    root = Path.cwd()
    check_engine(read_parameters(root).engine)
    folder = RunFolder(root / "runs" / run)
    snapshot = folder.snapshot
    code, started, clock = git_state(root), datetime.now(UTC), time.monotonic()
    facts = {
        "git": {"commit": code.commit, "dirty": list(code.dirty)},
        "device": {"asked": snapshot.config.device, "used": device_for(snapshot.config)},
        "started": started.isoformat(timespec="seconds"),
    }
    outcomes: list[SeedOutcome] = []

    def note(status: str, seeds: list[SeedOutcome]) -> None:
        outcomes[:] = seeds
        times = {
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 3),
        }
        write_metadata(folder.path, status, snapshot, seeds, facts | (times if status != "running" else {}))

    note("running", [])
    try:
        done = train_run(root, run, snapshot, lambda seeds: note("running", seeds))
    except BaseException:
        note("stopped", outcomes)
        raise
    note("failed" if any(seed.status == "failed" for seed in done) else "finished", done)
    check(run, done)


if __name__ == "__main__":
    run_stage(main)
