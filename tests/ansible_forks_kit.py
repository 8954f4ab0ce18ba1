"""What forks of one interpreter that has imported Ansible share beside modules: packed modules, and filters.

Ansible packs each module with all that it imports, which takes a sixth of a second, into a temporary folder that it
makes when it is imported and deletes at its end. Of forks the first to end would delete it for all: here only the
interpreter deletes it. Nothing else stays in it: whoever writes another file there deletes it.

The first expression with a filter or a test has Ansible load all of them, which takes a tenth of a second: of a run
that evaluates none itself, each task's process would load them anew.

Python's search for unused objects writes to each object that it looks at, and so copies the memory that forks share:
forks, which do not last long, do without it.
"""

import atexit
import gc
import os

from ansible.plugins.loader import filter_loader, test_loader
from ansible.utils.path import cleanup_tmp_file

os.register_at_fork(after_in_child=lambda: atexit.unregister(cleanup_tmp_file))
os.register_at_fork(after_in_child=gc.disable)
for _loader in (filter_loader, test_loader):
    list(_loader.all())
