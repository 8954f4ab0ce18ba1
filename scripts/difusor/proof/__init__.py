"""`difusor test`: which suites prove a change, how they run beside one another, and what is said of them."""
