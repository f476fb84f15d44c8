"""What a person sees of a training: a progress bar and TensorBoard."""
