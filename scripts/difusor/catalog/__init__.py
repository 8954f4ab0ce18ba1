"""The catalogue of a place (catalogs/<place>.yml): its municipalities and districts, and the offices elected in it."""

from difusor.catalog.model import Catalog, Division, Entity, Municipality, Office, Territory
from difusor.catalog.reading import CatalogError, file, load, names

__all__ = [
    "Catalog",
    "CatalogError",
    "Division",
    "Entity",
    "Municipality",
    "Office",
    "Territory",
    "file",
    "load",
    "names",
]
