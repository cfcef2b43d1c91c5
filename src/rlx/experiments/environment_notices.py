"""What a person should know of a run before it is trained, from its configuration and the check of its environment."""

from __future__ import annotations

from collections.abc import Iterator

from rlx.algorithms import algorithm
from rlx.config import SMALL_IMAGE, VALIDATION_STEP_LIMIT, Composed, RunConfig, Timetable
from rlx.envs import PLACES, space_from_data
from rlx.experiments.environment_check import Checked
from rlx.records import EnvironmentFacts
from rlx.stats import listed

SLOW_TO_MAKE = 1.0


def notices(composed: Composed, checked: Checked) -> Iterator[str]:
    """Yield, a sentence each, what is unusual about a run and what to do about it."""
    config, facts = composed.config, checked.facts
    yield from _schedule(config, facts.episode_limit)
    yield from _remarks(config, facts)
    yield from _images(config, facts)
    yield from _masks(config, facts)
    yield from _price(config, checked)


def _images(config: RunConfig, facts: EnvironmentFacts) -> Iterator[str]:
    """Yield that a network without convolutions reads images."""
    space = facts.observation_space.data if facts.observation_space else None
    large = space and facts.task and facts.task.is_image and sorted(space["shape"])[1] >= SMALL_IMAGE
    if config.policy.type == "mlp" and space and large:
        yield (
            f"warning: policy.type: mlp reads the images of {config.env.id} as one row of numbers, whatever is where in them; "
            "`-S policy.type=cnn` reads them as images"
        )


def _masks(config: RunConfig, facts: EnvironmentFacts) -> Iterator[str]:
    """Yield that the algorithm does not look at which actions are allowed."""
    seen, acts = facts.observation_space, facts.action_space
    if not facts.masks or seen is None or acts is None or seen.data is None or acts.data is None:
        return
    name = config.algo.name
    users = algorithm(name).mask_users(space_from_data(dict(seen.data)), space_from_data(dict(acts.data)))
    if users is not None:
        hint = f"; {listed(users)} use{'s' * (len(users) == 1)} them" if users else ""
        yield f"info: {config.env.id}: its action_masks() are ignored by {name}{hint}"


def _schedule(config: RunConfig, limit: int | None) -> Iterator[str]:
    """Yield what rlx does differently from what a reader of the config may expect."""
    timetable, asked = Timetable.of(config, limit), config.checkpoint.save_every
    iteration, used = timetable.iteration, timetable.segment
    copies = "one copy" if config.env.num_envs == 1 else f"{config.env.num_envs} copies"
    if used > asked + iteration:
        yield (
            f"checkpoints every {used} steps instead of checkpoint.save_every = {asked}: training starts new episodes at each "
            f"checkpoint, so they stay 5 episode limits ({limit} steps) of {copies} apart"
        )
    total = config.algo.total_timesteps
    if total % iteration:
        yield f"trains {timetable.whole_steps} steps: total_timesteps = {total} rounded up to whole iterations of {iteration}"


def _remarks(config: RunConfig, facts: EnvironmentFacts) -> Iterator[str]:
    for remark in facts.remarks:
        if remark.kind == "isolated":
            continue
        severity = "warning" if remark.kind in ("unseeded", "fails", "ended", "hangs") else "info"
        yield (
            f"{severity}: {config.env.id}: {remark.message}" if severity == "info" else f"{severity}: {remark.message}"
        )
    if facts.generators and facts.seeded:
        yield (
            f"info: {config.env.id} uses the global generator of {' and '.join(facts.generators)}: training keeps its own apart "
            "from it; `self.np_random` is the generator that `reset(seed)` seeds"
        )
    if any(key == "render_mode" and value == "human" for key, value in config.env.kwargs.items()):
        yield (
            "info: env.kwargs.render_mode: human is left out, since each of the copies would open a window; "
            "`rlx video` films a trained policy"
        )


def _price(config: RunConfig, checked: Checked) -> Iterator[str]:
    """Yield what validation and the making of copies will cost, where that is much."""
    facts, evaluation = checked.facts, config.eval
    total = config.algo.total_timesteps
    times = max(1, total // evaluation.every)
    cut = evaluation.step_limit or VALIDATION_STEP_LIMIT
    longest = min(cut, facts.episode_limit or (cut if facts.is_endless else facts.longest_episode))
    steps = times * evaluation.episodes * longest
    if facts.is_endless:
        yield _endless(config, facts, steps)
    elif steps > total:
        yield (
            f"info: validation can take {steps:,} steps per seed ({times} times {evaluation.episodes} episodes of up to {longest:,}), "
            f"training {total:,}: fewer eval.episodes, a larger eval.every, or eval.step_limit make it cheaper"
        )
    seconds = checked.seconds.get("make", 0.0)
    if seconds > SLOW_TO_MAKE:
        copies = min(PLACES, evaluation.episodes) + config.env.num_envs
        yield (
            f"info: making one copy of {config.env.id} takes {seconds:.1f} s, and a seed makes about {copies} "
            f"({config.env.num_envs} to train, {min(PLACES, evaluation.episodes)} to validate), {seconds * copies:.0f} s in all: a smaller "
            "env.num_envs or eval.episodes saves time, and env.vectorization: async makes the training copies at the same time"
        )


def _endless(config: RunConfig, facts: EnvironmentFacts, steps: int) -> str:
    env, evaluation = config.env, config.eval
    cut = evaluation.step_limit or VALIDATION_STEP_LIMIT
    set_by = f"eval.step_limit = {cut:,}" if evaluation.step_limit else f"{cut:,} steps, as eval.step_limit is not set"
    return (
        f"{'info' if evaluation.step_limit else 'warning'}: {env.id} ended no episode within {facts.steps_tried} random steps, and has no "
        f"time limit. If its episodes never end, validation plays {steps:,} steps per seed (cut at {set_by}; training: "
        f"{config.algo.total_timesteps:,}), held-out evaluation final_eval.episodes × final_eval.step_limit for each checkpoint, and "
        "training sees no episode's return: give it a limit (`max_episode_steps` where it is registered, or "
        "`- gymnasium.wrappers.TimeLimit: {max_episode_steps: 1000}` in env.wrappers), or set eval.step_limit and "
        "final_eval.step_limit (`-S eval.step_limit=1000 -S final_eval.step_limit=1000`)"
    )
