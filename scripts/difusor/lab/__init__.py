"""The local lab: the images of its hosts, its election window and the cortes of its night."""
