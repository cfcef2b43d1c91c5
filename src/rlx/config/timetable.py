"""When things happen in a training: iterations, validations, segments; computed here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.config.algorithm_config import whole_iterations
from rlx.config.schema import RunConfig

EPISODES_PER_BOUNDARY = 5
"""Training starts new episodes at each checkpoint, so checkpoints stay at least this many episode limits apart.
Measured: 100 boundaries in 100,000 CartPole steps (2 limits each) did real harm, 10 or fewer none that showed."""


@dataclass(frozen=True)
class Timetable:
    """When things happen in the training of one seed, in environment steps: a pure function of the configuration.

    Steps count, not iterations: a training that goes on from another may have iterations of another length, and some
    algorithms' iterations vary. Whatever is due happens after the first iteration that crosses its multiple.

    Attributes:
        iteration: Steps of one iteration, all copies together, as far as they are known before.
        total_steps: The budget.
        segment: Steps between two checkpoints: ``checkpoint.save_every``, raised to :data:`EPISODES_PER_BOUNDARY`
            episode limits of every copy, then to whole iterations.
        validation_every: Steps between two validations.
    """

    iteration: int
    total_steps: int
    segment: int
    validation_every: int

    @classmethod
    def of(cls, config: RunConfig, episode_limit: int | None) -> Timetable:
        """Lay out a training; ``episode_limit`` is the most steps of one episode (None where there is no limit)."""
        iteration = config.algo.iteration(config.env.num_envs)
        floor = EPISODES_PER_BOUNDARY * (episode_limit or 0) * config.env.num_envs
        segment = whole_iterations(max(config.checkpoint.save_every, floor), iteration)
        return cls(iteration, config.algo.total_timesteps, segment, config.eval.every)

    @property
    def whole_steps(self) -> int:
        """The budget in whole iterations: what a training from scratch really takes."""
        return self.end(0)

    def is_over(self, step: int) -> bool:
        """Tell whether the budget is spent."""
        return step >= self.total_steps

    def end(self, step: int) -> int:
        """Return the step at which training ends, from ``step`` on in whole iterations."""
        return step + max(0, whole_iterations(self.total_steps - step, self.iteration))

    def ends_segment(self, before: int, step: int) -> bool:
        """Tell whether a checkpoint follows the iteration from ``before`` to ``step``."""
        return self._crosses(before, step, self.segment)

    def validates(self, before: int, step: int) -> bool:
        """Tell whether the iteration from ``before`` to ``step`` crossed a multiple of ``eval.every``, or was the last."""
        return self._crosses(before, step, self.validation_every)

    def _crosses(self, before: int, step: int, every: int) -> bool:
        return step // every > before // every or self.is_over(step)
