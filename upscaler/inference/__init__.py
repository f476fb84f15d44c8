"""How a picture is computed: its size, its tiles, the network on each, and what that took."""
