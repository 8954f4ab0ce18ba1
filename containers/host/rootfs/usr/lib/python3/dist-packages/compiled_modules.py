"""Keeps what Python compiles of the modules that Ansible sends to a host of the lab.

Ansible sends each module with all that it imports, as source in a ZIP archive. Python keeps what it compiles of files,
but not of archives: half a module's time goes into compiling, in every task, what was compiled in the task before. Here
it is kept by what the source contains, in memory; what runs is the same. Python imports this file at its start, because
compiled_modules.pth says so.

Such a module also does without Python's search for unused objects, because it ends before it would need the memory.
"""

import _imp
import gc
import marshal
import os
import zipimport

KEPT = "/run/compiled-modules"
"""A folder that root makes and fills and others may read."""
VERSION = int.from_bytes(zipimport._bootstrap_external.MAGIC_NUMBER, "little")
"""Another for each Python that compiles to other instructions."""

_compile = zipimport._compile_source


def compiled(path, source):
    """Return the code of a module in an archive, whose `source` is bytes, as it was kept; else compile and keep it."""
    gc.disable()
    kept = os.path.join(KEPT, _imp.source_hash(VERSION, source).hex())
    try:
        with open(kept, "rb") as file:
            return marshal.loads(file.read())  # marshal.load would ask the file for every few bytes
    except OSError:
        code = _compile(path, source)
        if os.geteuid() == 0:
            _keep(kept, marshal.dumps(code))
        return code


def _keep(path, content):
    """Write a file whole or, where there is no room, not at all: other modules may run at the same time."""
    written = f"{path}.{os.getpid()}"
    try:
        os.makedirs(KEPT, mode=0o755, exist_ok=True)
        with open(written, "wb") as file:
            file.write(content)
        os.replace(written, path)
    except OSError:
        pass  # it is compiled again in the next task


zipimport._compile_source = compiled
