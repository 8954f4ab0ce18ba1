"""The dictamen: from the compliance suite's results to a paper an auditor signs."""
