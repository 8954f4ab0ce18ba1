"""The form of ANEXO 2: its items as models, written as a workbook and as YAML, and read back without trusting it."""
