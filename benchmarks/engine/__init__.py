"""Speed of training."""
