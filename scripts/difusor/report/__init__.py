"""Makes the dictamen, the compliance report that an auditor signs, from the compliance suite's results."""
