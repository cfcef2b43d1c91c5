"""What the presets score when they are trained here."""
