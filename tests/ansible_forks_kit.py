"""What forks of one interpreter that has imported Ansible share beside modules: packed modules, plugins and templates.

Ansible packs each module with all that it imports, which takes a sixth of a second, into a temporary folder that it
makes when it is imported and deletes at its end. Of forks the first to end would delete it for all: here only the
interpreter deletes it. Nothing else stays in it: whoever writes another file there deletes it.

The first expression with a filter or a test has Ansible load all of them, which takes a tenth of a second: of a run
that evaluates none itself, each task's process would load them anew. For each that is Jinja's own Ansible looks through
all of its files first, in vain. Each run also reads what options all the plugins have by which a server can be reached
or a run be told, which takes as long again; and each task's process would read the spec of the call, which some filters
ask.

Each task's process also compiles the templates that it needs, and what it compiled ends with it, which takes a third of
its work: here it is kept by what the template says, and for the next process the code is only read. So is what Ansible
says of where its plugins went, 9,000 lines of YAML that each run parses.

Ansible also starts a process for a task that `when` skips, or that only asserts or sets a fact, or whose action knows
already that the server is as wanted. Here the run itself finds these out.

Python's search for unused objects writes to each object that it looks at, and so copies the memory that forks share:
forks, which do not last long, do without it.
"""

import atexit
import gc
import hashlib
import marshal
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Set
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

import templates_kit
from ansible.executor.process.worker import TaskExecutor, WorkerProcess, _task
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import (
    Jinja2Loader,
    action_loader,
    become_loader,
    callback_loader,
    connection_loader,
    filter_loader,
    inventory_loader,
    shell_loader,
    strategy_loader,
    test_loader,
)
from ansible.utils.collection_loader import _collection_finder
from ansible.utils.path import cleanup_tmp_file
from jinja2.defaults import DEFAULT_FILTERS, DEFAULT_TESTS

from difusor import spec

USED = (
    (become_loader, "sudo"),
    (callback_loader, "default"),
    (connection_loader, "local"),
    (connection_loader, "ssh"),
    (inventory_loader, "ansible.builtin.yaml"),
    (inventory_loader, "host_list"),
    (inventory_loader, "inventory_files"),
    (shell_loader, "sh"),
    (strategy_loader, "linear"),
)
"""The plugins that nearly every run or task needs, by the loader and the name by which it asks for them."""
LISTED = (become_loader, callback_loader, connection_loader, shell_loader)
"""The loaders of which each run loads all plugins."""
LOCAL = ("container", "give_back", "managed_files", "removed", "unit")
"""The project's actions that ask the server only for what an earlier look at it does not tell."""

KEPT = Path(tempfile.mkdtemp(prefix="templates-"))
_begin = WorkerProcess.start
_routes = _collection_finder._meta_yml_to_dict


def compiled(said: str, make: Callable[[], CodeType]) -> CodeType:
    """Return the code of a template as it was kept; else compile it and keep it."""
    kept = KEPT / hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()
    with suppress(OSError):
        return marshal.loads(kept.read_bytes())
    code = make()
    _keep(kept, code)
    return code


def routes(text: bytes | str, *rest: Any) -> Any:
    """Return what a collection's meta/runtime.yml says as it was kept; else read it and keep it. All of it is text."""
    written = text.encode() if isinstance(text, str) else text
    kept = KEPT / hashlib.sha256(written).hexdigest()
    with suppress(OSError):
        return marshal.loads(kept.read_bytes())
    found = _routes(text, *rest)
    _keep(kept, found)
    return found


def _keep(kept: Path, found: CodeType | dict[str, Any]) -> None:
    """Write whole what was compiled or read: other processes may be reading it."""
    written = kept.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # the interpreter has ended, and its folder with it
        written.write_bytes(marshal.dumps(found))
        written.replace(kept)


def _know_jinjas_own(loader: Jinja2Loader, names: Set[str]) -> None:
    """Load all of Ansible's filters, or tests, and have it look for none that only Jinja has."""
    list(loader.all())
    own = names - loader._cached_non_collection_wrappers.keys()
    loader.get = partial(_found, loader.get, own)


def _found(get: Callable[..., Any], own: Set[str], name: str, *rest: Any, **options: Any) -> Any:
    """Return a plugin as `get` does, which returns None for those of Jinja's `own`."""
    return None if name in own else get(name, *rest, **options)


class _NeedsProcess(BaseException):
    """The task has to have its process. Not an Exception, which Ansible would take for a failure of the task."""


def _start(process: WorkerProcess) -> None:
    """Start the process of a task, unless it ends without one. Each item of a loop has its own conditions."""
    task = process._task
    if task.loop is not None or task.loop_with or not (task.when or _may_stay(task)) or not _ended(process):
        _begin(process)


def _may_stay(task: Task) -> bool:
    """Tell whether a task may do all that it does without asking the server, and without waiting."""
    waits = task.delegate_to or task.async_val or task.until or task.retries or task.timeout
    return not waits and (task.action in LOCAL or _asks_nobody(task.action))


@cache
def _asks_nobody(action: str) -> bool:
    plugin = action_loader.get(action, class_only=True)
    return plugin is not None and not plugin._requires_connection


def _ended(process: WorkerProcess) -> bool:
    """Tell whether a task needs no process; if so, send what its process would have sent.

    What cannot be evaluated is evaluated again by its process, which tells why.
    """
    task = process._task.copy(exclude_parent=True, exclude_tasks=True)
    task._parent = process._task._parent
    task.squash()
    stays = _may_stay(task)
    if not stays:
        task.post_validate = _need_process  # Ansible's first step after the conditions
    executor = TaskExecutor(
        process._host, process._play_context, process._loader, process._shared_loader_obj, process._final_q,
        process._variable_manager,
    )  # fmt: skip
    variables = dict(process._task_vars)
    created = _task.TaskContext.create(task=task, task_vars=variables, host_name=process._host.name)
    with suppress(_NeedsProcess), _without_server(), created:
        result = executor.run()
        if stays or result.skipped:
            result.finalize_registered_values()
            for each in (task, process._task):  # which callbacks read
                each.ignore_errors, each.ignore_unreachable = result.ignore_errors, result.ignore_unreachable
            process._final_q.send_task_result(process._host, task, result)
            return True
    return False


@contextmanager
def _without_server() -> Iterator[None]:
    """Have an action that asks the server need a process for its task instead."""
    with ExitStack() as stack:
        for name in ("_execute_module", "_low_level_execute_command"):
            stack.enter_context(patch.object(ActionBase, name, _need_process))
        yield


def _need_process(*_: Any, **__: Any) -> None:
    raise _NeedsProcess


def _remove() -> None:
    shutil.rmtree(KEPT, ignore_errors=True)


templates_kit.keep(compiled)
_collection_finder._meta_yml_to_dict = routes
WorkerProcess.start = _start
atexit.register(_remove)
for _end in (cleanup_tmp_file, _remove):
    os.register_at_fork(after_in_child=lambda end=_end: atexit.unregister(end))
os.register_at_fork(after_in_child=gc.disable)
for _loader, _names in ((filter_loader, DEFAULT_FILTERS.keys()), (test_loader, DEFAULT_TESTS.keys())):
    _know_jinjas_own(_loader, _names)
for _loader in LISTED:
    list(_loader.all(class_only=True))
for _loader, _name in USED:
    _loader.get(_name, class_only=True)
for _call in spec.names():
    with suppress(spec.SpecError):  # the test that needs it tells what is wrong
        spec.load(_call)
