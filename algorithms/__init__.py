"""The algorithms of this project: a config that says `algo: {name: reinforce}` imports the page `reinforce.py` here."""
