"""The numbers of a study: floor, screening, confirmation. Pure: scores in, decisions out; nothing here knows files.

More is better everywhere: whoever calls turns the sign of what is minimised.
"""
