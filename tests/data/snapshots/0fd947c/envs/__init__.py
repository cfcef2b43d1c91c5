"""The environments of this project: importing this package registers their ids with Gymnasium."""

import gymnasium

gymnasium.register(id="BossFight-v0", entry_point="envs.bossfight:BossFight", max_episode_steps=400)
