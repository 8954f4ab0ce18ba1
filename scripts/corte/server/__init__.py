"""What only a server does: take a pushed corte in, gate it by the clock, show it and remember what was shown."""
