"""Export of trained networks to files that any machine can run, and the proof of them."""
