"""`difusor test`: which test suites prove a change, how they run at the same time, and how results are printed."""
