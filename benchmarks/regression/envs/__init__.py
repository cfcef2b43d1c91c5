"""Environments of reference runs, for which Gymnasium has none: copied into the project that trains them."""

import gymnasium

gymnasium.register(id="Picking-v0", entry_point="envs.picking:Picking")
