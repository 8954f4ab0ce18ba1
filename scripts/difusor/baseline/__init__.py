"""The baseline of an audited server: what it was like, signed, and what has changed since."""
