"""The experiments of the report that this project grew out of, and what follows from them."""
