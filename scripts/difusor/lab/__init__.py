"""The local lab (containers on this machine): images of its hosts, its election window and its cortes."""
