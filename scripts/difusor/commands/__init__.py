"""The verbs of `difusor`, one per file: a verb's arguments, which packages do its work, and what it prints.

A verb imports those packages inside `run`, not at the top, so that its help appears without waiting for Ansible,
pydantic, httpx or cryptography to load.
"""
