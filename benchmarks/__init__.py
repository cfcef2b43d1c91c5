"""Measurements of rlx; see README.md here."""
