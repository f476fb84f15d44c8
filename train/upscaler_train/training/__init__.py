"""The training itself: the loop, what it minimises, how it steps, and its checkpoints."""
