"""A model's first run: small pictures in fp32 on the CPU, in a process of its own."""
