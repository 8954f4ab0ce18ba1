"""What both ends understand: a corte's manifest, its signature, its files and what may be in them."""
