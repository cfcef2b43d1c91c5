"""Registers environments of this folder in whichever process imports it."""

import gymnasium as gym

gym.register("Won-v0", entry_point="tests.cases.won:Won")
gym.register("Reused-v0", entry_point="tests.cases.reused_buffer:Reused")
gym.register("Broken-v0", entry_point="tests.cases.broken:Broken")
gym.register("Noisy-v0", entry_point="tests.cases.noisy:Noisy")
gym.register("Reseeding-v0", entry_point="tests.cases.reseeding:Reseeding")
