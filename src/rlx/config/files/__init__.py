"""config/files."""
