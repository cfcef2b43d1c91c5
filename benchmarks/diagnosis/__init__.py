"""How often the diagnosis is right: healthy and broken runs over many seeds, and what its suggestions are worth."""
