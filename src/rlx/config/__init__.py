"""Configuration: what may be said, how it is read, how a run's effective configuration is composed.

Pure: reads YAML files and nothing else; imports neither torch, gymnasium nor DVC.
"""
