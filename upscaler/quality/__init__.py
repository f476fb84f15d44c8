"""How pictures are measured, and what spoils them."""
