"""Synthetic PREP data of the size of a place, reproducible by seed: for demos, rehearsals and tests."""

from difusor.synthetic.cortes import CorteSummary, write_corte, write_night
from difusor.synthetic.setting import Setting

__all__ = ["CorteSummary", "Setting", "write_corte", "write_night"]
