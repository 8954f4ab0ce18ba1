"""The institute's side of a corte: sign it, push it to every difusor, and wait for each mirror's own word."""
