"""The spec: the clauses of each call (spec/<call>.yml), and the rules of auditors' guides left out on purpose."""

from difusor.spec.clauses import CLAUSE_ID, Clause, ClauseId, Method, Sentence, Spec, SpecError, digest, load, names

__all__ = ["CLAUSE_ID", "Clause", "ClauseId", "Method", "Sentence", "Spec", "SpecError", "digest", "load", "names"]
