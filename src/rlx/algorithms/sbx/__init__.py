"""SBX's algorithms (Stable-Baselines3 in JAX) as learners: the libraries' own code, stepped an iteration at a time."""
