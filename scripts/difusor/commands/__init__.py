"""The verbs of `difusor`, one a file: what a verb takes, which rooms it calls, and what it prints.

A verb imports its rooms inside `run`, not at the top: whoever asks for its help does not wait for Ansible, pydantic,
httpx or cryptography.
"""
