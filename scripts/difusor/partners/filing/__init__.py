"""The file of a difusor: its signed papers as scans, what each of them is, and what of the call's four is missing."""
