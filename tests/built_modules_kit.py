"""Keeps what Ansible packs of its modules for a server, for all runs that are forks of one interpreter.

Ansible packs each module with all that it imports, which takes a sixth of a second, into a temporary folder that it
makes when it is imported and deletes at its end. Of forks the first to end would delete it for all: here only the
interpreter deletes it. Nothing else stays in it: whoever writes another file there deletes it.
"""

import atexit
import os

from ansible.utils.path import cleanup_tmp_file

os.register_at_fork(after_in_child=lambda: atexit.unregister(cleanup_tmp_file))
