"""Side-by-side timings with PyTorch: `make bench`."""
