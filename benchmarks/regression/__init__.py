"""Whether learning got worse: reference runs of every algorithm, trained again and judged against `baselines/`."""
