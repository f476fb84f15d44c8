"""Pictures to learn from: pairs of a large one and a small one, and how the small one is spoilt."""
