"""The institute's side: sign a corte, push it to every difusor, and wait until each mirror reports the result."""
