"""The server's side: take in a pushed corte, decide by the clock when it may be seen, show it and keep a log."""
