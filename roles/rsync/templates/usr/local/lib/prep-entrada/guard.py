#!/usr/bin/python3 -IBS
"""Watches one transfer to the rsync daemon, and ends it when it takes more of the disk than it may.

rsync runs this before each transfer (`pre-xfer exec`), as the user that receives, and begins when it exits; a process
of it goes on beside the transfer. Whatever a client sends, the published corte keeps its room on the disk: what exceeds
a limit is ended and the folder emptied, so that the next push, in which the institute sends everything again, has room.

The guards of all transfers share one record of the folder's last count, so that each content is counted once: a push is
two transfers in a row, and none of them waits for a count that the record makes needless. Few modules are imported, and
no process is started but to count and to empty, because a push waits for this program.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time

LOOK = 0.2
"""Seconds between two looks at the disk and the transfer."""
PAUSE, FILES_A_SECOND = 1.0, 20_000
"""Seconds between two counts, and one more for so many files, because many take a while."""
AFTER = 1.0
"""Seconds from a transfer's end to the count of what it left: a push's second transfer and the intake come first."""
OPTIONS = ("max-bytes", "max-files", "reserve-bytes", "reserve-files")
FULL = "No hay espacio en disco."
ENDED = "corte: un envío excedió sus límites y se terminó"


class Record:
    """What the folder held when it was last counted; the guards of all transfers read and write the same file."""

    def __init__(self, path: str) -> None:
        """Take the file, which need not exist; if it cannot be used, this guard counts for itself."""
        try:
            self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:
            self.file = os.memfd_create("record")
        self.is_alone = _locked(fcntl.flock, self.file)
        """Whether no other guard was there at the start; each has counted what its transfer left before it goes."""
        fcntl.flock(self.file, fcntl.LOCK_SH)
        self.read()

    def read(self) -> None:
        """Read the last count: when it began (monotonic seconds), what it found, and what the disk had free then."""
        try:
            began, *numbers = os.pread(self.file, 200, 0).split()
            self.files, self.bytes, self.free_files, self.free_bytes = map(int, numbers)
            self.began = float(began)
            if not 0 <= self.began <= time.monotonic():
                raise ValueError
        except ValueError:  # there was none, or it is damaged
            self.began, self.files, self.bytes, self.free_files, self.free_bytes = -PAUSE, 0, 0, 0, 0

    def write(self, began: float, files: int, size: int) -> None:
        """Record a count."""
        disk = os.statvfs(".")
        text = f"{began} {files} {size} {disk.f_ffree} {disk.f_bfree * disk.f_frsize}".ljust(200)
        os.pwrite(self.file, text.encode(), 0)
        self.read()

    def is_doubtful(self, max_bytes: int, max_files: int) -> bool:
        """Tell whether the folder may have come to hold too much since, as far as the disk's own figures tell."""
        disk = os.statvfs(".")
        size = self.bytes + max(0, self.free_bytes - disk.f_bfree * disk.f_frsize)
        files = self.files + max(0, self.free_files - disk.f_ffree)
        is_unknown = not disk.f_files and not self.is_alone  # inodes are made as they are needed
        return self.began < 0 or is_unknown or size > max_bytes or files > max_files


class Guard:
    """One transfer, by the process that serves it, and the limits that hold for the folder and the disk."""

    def __init__(self, limits: dict[str, int], record: Record, transfer: int) -> None:
        """Take the limits (see OPTIONS)."""
        self.limits, self.record, self.transfer = limits, record, transfer

    def admits(self) -> bool:
        """Tell whether the transfer may begin; what the folder has too much is deleted first."""
        folder = _folder_locked()
        record = self.record
        if record.is_doubtful(self.limits["max-bytes"], self.limits["max-files"]):
            self._count()
        elif record.is_alone:  # nothing has come since the last count
            record.write(time.monotonic(), record.files, record.bytes)
        if self._is_short() or self._is_too_large():
            self._empty()
        os.close(folder)
        return not self._is_short()

    def watch(self) -> None:
        """Look at disk and folder until the transfer has ended, and once more at what it left."""
        while self._is_running():
            if self._is_due():
                self._try_to_count()
            if self._is_short() or self._is_too_large():
                self._end()
            time.sleep(LOOK)
        ended = time.monotonic()
        while self.record.began < ended:
            time.sleep(LOOK)
            self.record.read()
            if time.monotonic() >= ended + AFTER and self.record.began < ended:
                self._try_to_count()
            if self._is_too_large():
                self._end()

    def _is_short(self) -> bool:
        """Tell whether the disk has less than its reserve; one that makes inodes as it needs them says it has none."""
        disk = os.statvfs(".")
        is_short_of_files = disk.f_files > 0 and disk.f_ffree < self.limits["reserve-files"]
        return disk.f_bavail * disk.f_frsize < self.limits["reserve-bytes"] or is_short_of_files

    def _is_due(self) -> bool:
        self.record.read()
        return time.monotonic() >= self.record.began + PAUSE + self.record.files / FILES_A_SECOND

    def _is_too_large(self) -> bool:
        """Tell whether the folder held more than it may when it was last counted, by whichever guard.

        Its content is counted, because what is free on the disk also changes by what other programs write and delete.
        """
        return self.record.bytes > self.limits["max-bytes"] or self.record.files > self.limits["max-files"]

    def _is_running(self) -> bool:
        """Tell whether the transfer goes on; asked with a signal, since /proc may hide the processes of others."""
        try:
            os.kill(self.transfer, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def _try_to_count(self) -> None:
        """Count, unless another guard is counting; at the next look if there is no process or memory for it now."""
        if _locked(fcntl.lockf, self.record.file):
            try:
                self._count()
            except OSError:
                return
            finally:
                fcntl.lockf(self.record.file, fcntl.LOCK_UN)

    def _count(self) -> None:
        """Count what the folder holds, up to one file more than it may."""
        fcntl.lockf(self.record.file, fcntl.LOCK_EX)
        began, files, size, rest = time.monotonic(), 0, 0, b""
        printed, theirs = os.pipe()
        try:
            counting = _start(["find", ".", "-printf", r"%b\n"], theirs)
        finally:
            os.close(theirs)
        while (piece := os.read(printed, 65536)) and files <= self.limits["max-files"]:
            *blocks, rest = (rest + piece).split(b"\n")
            files += len(blocks)
            size += 512 * sum(map(int, blocks))
        os.close(printed)
        _, status = os.waitpid(counting, 0)  # it ends when nobody reads any more
        if not os.WIFSIGNALED(status) or files > self.limits["max-files"]:
            self.record.write(began, files, size)
        fcntl.lockf(self.record.file, fcntl.LOCK_UN)

    def _end(self) -> None:
        """End the transfer and empty the folder; a push that arrives meanwhile waits, or its files would go too."""
        while self._is_running():
            _terminate(self.transfer)
            time.sleep(LOOK / 2)
        folder = _folder_locked()
        self.record.read()
        if self._is_short() or self._is_too_large():  # else another guard has emptied it
            time.sleep(2 * LOOK)  # the guards of other transfers, whose files go too, read the record and end them
            self._empty()
            _await(["systemd-cat", "--priority=err", "--identifier=rsyncd", "echo", ENDED])
        os.close(folder)

    def _empty(self) -> None:
        _await(["find", ".", "-mindepth", "1", "-delete"])
        self._count()


def _locked(lock, file: int) -> bool:
    """Take a lock by one of fcntl's two ways, which do not know of each other; tell whether it was free."""
    try:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _folder_locked() -> int:
    """Keep other guards, and the intake's deletions, out of the folder until what is returned is closed."""
    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    return folder


def _start(command: list[str], output: int) -> int:
    """Start a program that prints to `output`, and complains to nobody; return its process."""
    nowhere = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
    return os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, output, 1), nowhere])


def _await(command: list[str]) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.waitpid(_start(command, nowhere), 0)
    except OSError:  # no such program, or no more processes
        return
    finally:
        os.close(nowhere)


def _terminate(process: int) -> None:
    try:
        os.kill(process, signal.SIGTERM)
    except OSError:  # it has ended, or has not yet become the user that receives
        return


def _let_go(kept: int) -> None:
    """Close the pipe and sockets that were inherited: rsync waits until no other process has them open."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number != kept:
            os.closerange(number, number + 1)  # unlike `close`, it knows that the listing's own is gone


def main() -> None:
    """Exit with 0 to let the transfer begin, after starting what watches it."""
    given = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
    limits = {name: int(given[name]) for name in OPTIONS}
    os.chdir(os.environ["RSYNC_MODULE_PATH"])
    # The listener waits for this byte: it ends connections that do not authenticate in time.
    os.write(int(os.environ["PREP_AUTHENTICATED"]), b".")
    guard = Guard(limits, Record(given["record"]), int(os.environ["RSYNC_PID"]))
    if not guard.admits():
        print(FULL, flush=True)
        os._exit(1)
    if os.fork() == 0:
        _let_go(guard.record.file)
        guard.watch()
    os._exit(0)


if __name__ == "__main__":
    main()
