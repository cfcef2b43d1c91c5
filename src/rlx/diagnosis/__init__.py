"""What happened in training. Pure: arrays in, frozen dataclasses out."""
