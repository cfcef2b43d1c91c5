"""Where the rows of a training go besides ``metrics.jsonl``, which stays the truth.

A sink follows the file of a seed in the process that controls the training. Training never knows of it: what a sink
does, or how it fails, can neither change a result nor end one. Nothing is ever read back from a sink.
"""
