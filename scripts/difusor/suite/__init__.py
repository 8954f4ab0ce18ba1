"""What the compliance suite in molecule/tests uses: pytest plugins, fixtures, and waiting for events."""
