"""The corte: signed at the institute, verified, gated and shown on the server.

The same files run at the institute and on the servers (the role `corte` installs this folder there), so they use only
the standard library of Python 3.9 and `ssh-keygen -Y`.
"""
