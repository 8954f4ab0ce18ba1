"""The spec: the clauses of spec/anexo1.yml, and the rules of auditors' guides that are left out on purpose."""

from difusor.spec.clauses import CLAUSE_ID, Clause, ClauseId, Method, Sentence, Spec, SpecError, load

__all__ = ["CLAUSE_ID", "Clause", "ClauseId", "Method", "Sentence", "Spec", "SpecError", "load"]
