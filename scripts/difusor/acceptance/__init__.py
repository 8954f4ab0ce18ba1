"""The acceptance of the project on a real server, from bare and back to bare; `steps` is its table of contents."""
