"""What a candidate rests on: reflections, reviews, probes and curriculum records, each a document that its own hash names."""
