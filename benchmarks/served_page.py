"""How soon the page of `rlx report --serve` opens on many experiments, in Chromium: python -m benchmarks.served_page.

Opened means drawn: learning curves, scores, and the table of all experiments. Beside it stand what the server's looks at the
project take, and what an answer costs when nothing is new. Needs Chromium and the `dev` extra.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.scale import ENVIRONMENT, call, commits

DRAWN = """() => {
  const drawn = (id) => document.querySelector(`#${id} .main-svg .trace`) !== null;
  return drawn("chart-curves-0") && drawn("chart-scores-0") && document.querySelectorAll("#all-runs tr").length >= COUNT;
}"""


SMALL = (("num_seeds: 20", "num_seeds: 5"), ("total_timesteps: 50000", "total_timesteps: 10000"))


def project(folder: Path) -> Path:
    """Make a project whose study is small and has run, and one experiment."""
    root = folder / "project"
    call(folder, "rlx", "init", str(root))
    text = (root / "params.yaml").read_text()
    for old, new in SMALL:
        assert old in text
        text = text.replace(old, new)
    (root / "params.yaml").write_text(text)
    call(root, "dvc", "repro")
    call(root, "git", "add", "-A")
    call(root, "git", "commit", "-qm", "study")
    call(root, "rlx", "train", "cartpole", "-S", "algo.gamma=0.97")
    return root


def multiplied(root: Path, count: int) -> None:
    """Let a project have so many experiments like the one that it has."""
    ref = call(root, "git", "for-each-ref", "--format=%(refname)", "refs/exps")[0].split()[0]
    call(root, "git", "fast-import", "--quiet", text="".join(commits(root, ref, count)))


def served(root: Path) -> tuple[subprocess.Popen[str], str, float]:
    """Serve a project's page, and return the process, the page's address and the seconds until it was told."""
    command = ["rlx", "-q", "report", "--serve"]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=root, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            return process, found[0], time.perf_counter() - began
    raise SystemExit("no page is served")


def opened(address: str, count: int, times: int) -> list[tuple[float, float]]:
    """Return the seconds from the address to the page as it is read, in a browser that has never seen it.

    Each with those that the page's thread computed, which a busy machine does not lengthen as much.
    """
    from playwright.sync_api import sync_playwright

    found = []
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(times):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            session = context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            began = time.perf_counter()
            page.goto(address)
            page.wait_for_function(DRAWN.replace("COUNT", str(count)))
            took = time.perf_counter() - began
            measured = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
            found.append((took, measured["TaskDuration"]))
            context.close()
        browser.close()
    return found


def main() -> None:
    """Print seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument(
        "--project", type=Path, help="A project with a finished study and one experiment; it is copied."
    )
    parser.add_argument("--times", type=int, default=5)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "copy"
        shutil.copytree(said.project or project(Path(temporary)), root, symlinks=True)
        multiplied(root, said.experiments - 1)
        process, address, start = served(root)
        try:
            found = opened(address, said.experiments, said.times)
            answers = []
            for _ in range(20):
                began = time.perf_counter()
                request = urllib.request.Request(f"{address}now.json", headers={"If-None-Match": '"1"'})
                try:
                    urllib.request.urlopen(request).read()
                except urllib.error.HTTPError as error:
                    if error.code != 304:
                        raise
                answers.append(time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
    took, computed = ([each[place] for each in found] for place in (0, 1))
    print(
        f"{said.experiments:,} experiments: served after {start:.1f} s; opens in {statistics.median(took):.2f} s "
        f"({', '.join(f'{each:.2f}' for each in took)}), of which its thread computes {statistics.median(computed):.2f} s; "
        f"an answer without news takes {1000 * statistics.median(answers):.1f} ms"
    )


if __name__ == "__main__":
    main()
