"""The format of a corte, used by institute and servers: its manifest, signature, paths, files and tables."""
