"""Synthetic PREP data of the size of Morelos, reproducible by seed: for demos, rehearsals and tests."""

from difusor.synthetic.cortes import CorteSummary, corte_instants, write_corte, write_night

__all__ = ["CorteSummary", "corte_instants", "write_corte", "write_night"]
