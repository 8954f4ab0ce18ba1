"""The compliance suite: one file a role, and the views from outside. Its plugin is tested like any other code."""

pytest_plugins = ["difusor.report.plugin", "difusor.report.fixtures", "corte_fixtures", "site_fixtures"]
