"""Papers that people sign and file: one layout and one stylesheet, as HTML and as tagged PDF/A."""
