"""What the compliance suite of molecule/tests is written with: its pytest plugins and its waits."""
