"""The corte: signed at the institute, verified, gated and shown on the server.

The very same files run at both ends (the role `corte` installs this folder), so they use nothing but the standard
library of Python 3.9 and `ssh-keygen -Y`.
"""
