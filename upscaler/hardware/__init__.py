"""What this machine is: its processor, memory and GPUs."""
