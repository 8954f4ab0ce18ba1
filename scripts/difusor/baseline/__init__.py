"""The baseline of an audited server: a signed record of its state, and what has changed since."""
