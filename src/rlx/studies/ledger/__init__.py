"""The ledger of a study: append-only, hash-chained, and everything that is derived from it."""
