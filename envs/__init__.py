"""The environments of this project."""
