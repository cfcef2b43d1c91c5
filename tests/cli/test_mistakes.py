"""Everything a person types wrongly gets one helpful message, the right exit code, and changes nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import gymnasium as gym
import pytest

from rlx.cli import _invoke
from rlx.launch import VARIABLE, guarded
from tests.conftest import Project

MISTAKES = """
trian cartpole | 2 | did you mean `rlx train`?
frobnicate | 2 | there are: init, train
--vresion | 2 | --version
train | 2 | Missing argument 'CONFIG'
train cartpol | 3 | did you mean cartpole?
train configs/cartpol.yaml | 3 | did you mean cartpole?
train ../cartpole | 3 | there is no config
train cartpole extra | 2 | unexpected extra argument
train cartpole --seeds 0 | 2 | 0 is not in the range x>=1
train cartpole --seeds five | 2 | 'five' is not a valid integer
train cartpole --sedes 5 | 2 | --seeds
train cartpole --timesteps 5000 | 2 | `-S algo.total_timesteps=5000` says how long to train, and `rlx resume RUN --timesteps 5000`
train cartpole --seeds 2000 | 3 | num_seeds=2000: must be at most 1000
train cartpole -S | 2 | requires an argument
train cartpole -S =3 | 2 | must be KEY=VALUE
train cartpole -S algo.lr=0.1 | 3 | there is no setting 'algo.lr'
train cartpole -S algo.learning_rate=-1 | 3 | -S algo.learning_rate=-1
train cartpole -S device=cuda:99 | 3 | -S device=cuda:99: this machine has
train cartpole -S 'policy.hidden_sizes=[100000000,100000000]' | 3 | -S policy.hidden_sizes=[100000000,100000000]: a network with 4 inputs, 2 outputs
train cartpole -S 'policy.hidden_sizes=[100000000000,1000000]' | 3 | smaller layers
train cartpole -S env=CartPole-v1 | 3 | env
train cartpole -S 'algo.gamma=${seed}' | 3 | is not replaced here
train cartpole -S 'env.id=${oc.env:HOME}' | 3 | is not replaced here
sweep cartpole 'algo.gamma=0.9,${x}' | 3 | is not replaced here
sweep cartpole algo.gamma=0.9, | 2 | a value on each side of a comma
train cartpole --name ../x | 2 | use letters, digits, - and _
train cartpole --name two/parts --seeds 1 | 2 | use letters, digits, - and _
train cartpole --name cartpole --seeds 1 | 2 | there is an experiment or run 'cartpole' already
resume | 2 | Missing argument 'RUN'
resume cartpol | 4 | did you mean cartpole
resume cartpole --timesteps 0 | 2 | 1<=x<=1000000000000
resume cartpole --timesteps 1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111 | 2 | 1<=x<=1000000000000
train cartpole -S algo.total_timesteps=1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111 | 3 | is too large a number
resume cartpole --timesteps 100 | 2 | has 2,048 steps per seed already
resume cartpole --name other | 2 | --name goes with --timesteps
eval | 2 | Missing argument 'CHECKPOINT...'
eval cartpole:bst | 4 | did you mean cartpole:best?
eval cartpole:step_2000 | 4 | did you mean cartpole:step_2048?
eval cartpole:best#9 | 4 | has no seed 9; it has 1, 2
eval cartpole:best#one | 2 | must be a training seed
eval cartpol:best | 4 | did you mean cartpole
eval nothing.zip | 4 | nothing.zip: no such file
eval params.yaml | 4 | params.yaml: is damaged
video params.yaml | 4 | params.yaml: is damaged
eval cartpole --episodes 0 | 2 | not in the range
eval cartpole --seed -1 | 2 | not in the range
video cartpole:latset | 4 | did you mean cartpole:latest?
video cartpole --format avi | 2 | 'avi' is not one of 'mp4', 'gif'
video cartpole --show funniest | 2 | is not one of 'median', 'best', 'worst'
video cartpole -o film.webm | 2 | a film is an .mp4 or a .gif
video cartpole --episodes 1000 | 2 | 1<=x<=100
compare cartpole nothing | 4 | there is no run 'nothing'
compare cartpole --baseline nothing | 4 | there is no run 'nothing'
compare --checkpoint newest | 2 | is not one of
compare --scores nowhere.csv | 2 | 'nowhere.csv' does not exist
compare --metric lenght | 2 | is not one of 'return', 'length', 'success'
compare --metric success | 4 | its environment does not report success
compare --metric length --minimum-effect 3 | 2 | is in units of return
compare --minimum-effect nan | 2 | not a finite number
ls --sort score | 2 | is not one of 'age'
ls --filter return | 2 | must be FIELD
ls --filter retrun>3 | 2 | did you mean return?
ls --filter return>many | 2 | 'many' is none
ls --filter status<3 | 2 | compare it by =, != or ~
info | 2 | Missing argument 'RUN'
info cartpole@nowhere | 4 | there is no revision 'nowhere'
info carpole@HEAD | 4 | there is no run 'carpole' at HEAD; did you mean cartpole
info '' | 2 | must not be empty
info . | 4 | there is no run '.'
tag cartpole | 2 | Missing argument 'TAG...'
tag cartpole a,b | 2 | must be one word
tag nothing paper | 4 | there is no run 'nothing'
note cartpole some text without quotes | 2 | unexpected extra argument
note cartpole '' | 2 | TEXT must not be empty
note cartpole '' --remove | 2 | TEXT must not be empty
note cartpole text --remove | 2 | has no such note
checkout cartpol | 4 | did you mean cartpole
rm nothing | 4 | there is no experiment 'nothing'
rm cartpole | 2 | is a run of the study
rm .. | 4 | there is no experiment '..'
promote cartpole | 4 | there is no kept experiment 'cartpole'
sweep nothing | 4 | there is no sweep 'nothing'
sweep params.yaml | 3 | params.yaml
video cartpole -o film.gif --format mp4 | 2 | is not the name of a mp4 file
diagnose cartpole --plots '' | 2 | must not be empty
report -o page.txt | 2 | a page is an .html file
completion csh | 2 | is not one of 'bash', 'zsh', 'fish'
init '' | 2 | NAME must not be empty
init new --env '' | 2 | must not be empty
init . --env CartPole-v1 | 2 | rlx init never overwrites a file
init new --env CartPol-v1 | 2 | CartPole-v1
"""
CASES = [tuple(part.strip() for part in line.split(" | ")) for line in MISTAKES.strip().splitlines()]


def typed(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command line in this process, as the console script does; return its exit status."""
    for name in (VARIABLE, "NO_COLOR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["rlx", *arguments])
    monkeypatch.setattr(sys, "path", [*sys.path])
    registered, known = dict(gym.registry), set(sys.modules)
    try:
        return guarded(_invoke)
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:  # other tests of this process have other projects
        gym.registry.clear()
        gym.registry.update(registered)
        for name in [name for name in set(sys.modules) - known if name.split(".")[0] in ("envs", "policies")]:
            del sys.modules[name]


def state(root: Path) -> list[str]:
    volatile = {"tmp", ".git", "__pycache__"}
    return sorted(str(path) for path in root.rglob("*") if not volatile & set(path.relative_to(root).parts))


@pytest.mark.parametrize(("words", "status", "message"), CASES, ids=[case[0] for case in CASES])
def test_one_helpful_message(
    finished: Project,
    words: str,
    status: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import shlex

    monkeypatch.chdir(finished.root)
    before = state(finished.root)
    code = typed(shlex.split(words), monkeypatch)
    said = capfd.readouterr()
    told = " ".join(said.err.split())
    assert code == int(status), (words, said)
    assert message in told, (words, said)
    assert "Traceback" not in told
    assert said.out == ""
    assert state(finished.root) == before


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40


def test_outside_of_a_project_every_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        "ls",
        "train cartpole",
        "compare",
        "info x",
        "sweep x",
        "resume x",
        "eval x",
        "rm x",
        "tag x y",
        "sync",
    ):
        assert typed(words.split(), monkeypatch) == 4, words
        assert "is not inside an rlx project; make one with `rlx init NAME`" in " ".join(capfd.readouterr().err.split())


def test_help_and_usage_errors_are_light() -> None:
    """Less than 0.3 s of CPU is promised; what can be asserted without a clock is what is not imported."""
    import subprocess

    heavy = "torch dvc gymnasium matplotlib pandas stable_baselines3 pydantic scipy numpy numba rich".split()
    for words in (["--help"], ["trian"], ["train", "--sedes"], ["train", "--help"]):
        code = (
            f"import sys; sys.argv = {['rlx', *words]}\nfrom rlx.cli import _invoke\n"
            f"try: _invoke()\nexcept SystemExit: pass\n"
            f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.sep)
        assert done.stderr.splitlines()[-1] == "[]", (words, done.stderr)
