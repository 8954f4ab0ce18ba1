"""The software of the institute for its difusores."""
