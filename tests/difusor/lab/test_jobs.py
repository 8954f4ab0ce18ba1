"""Where Ansible keeps its background jobs: not in a home folder, which it finds in two ways that can differ."""

from __future__ import annotations

import yaml

from difusor.project import ROOT


def test_no_play_of_the_lab_keeps_its_jobs_in_a_home_folder() -> None:
    plays = [
        play for file in ROOT.glob("molecule/*/*.yml") for play in yaml.safe_load(file.read_text()) if "tasks" in play
    ]
    starting = [play for play in plays if any("async" in task for task in play["tasks"])]
    assert [play["name"] for play in starting] == ["Create the lab"]
    assert [play["vars"]["ansible_async_dir"].startswith("{{ lab_dir }}/") for play in starting] == [True]
