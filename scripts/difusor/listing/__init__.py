"""The official list: who is on it, its page and signed twin, and the watch over the pages that it links."""
