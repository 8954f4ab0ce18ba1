"""Tells roles which files an image of the PREP application lists, with the code by which inventories are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from difusor.inventory import images

DOCUMENTATION = r"""
name: image_files
short_description: List the files of the PREP application in an image's archive
description: Returns what the image's label C(prep-difusor.files) lists; nothing when it has no such label.
options:
  _input:
    description: Path of the archive, on the controller.
    type: path
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
files: "{{ prep_image.archive | image_files }}"
"""

RETURN = r"""
_value:
  description: Paths below the page's own.
  type: list
  elements: str
"""


def image_files(archive: str) -> list[str]:
    """Return the files that the image in this archive lists; ValueError when the list is malformed."""
    return listed_files(images.labels(Path(archive).read_bytes()))


def listed_files(labels: Mapping[str, str] | None) -> list[str]:
    """Return the files that an image with these labels lists; ValueError when the list is malformed."""
    return images.listed_files(labels or {})


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filters by name."""
        return {"image_files": image_files, "listed_files": listed_files}
