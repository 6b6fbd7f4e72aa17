"""Plain NumPy, array in and array out: what the primitives compute with, and the only place where speed is bought."""
