"""The contract of a study, its candidates and who approved what: what may change, how far, at what cost, and what counts as better."""
