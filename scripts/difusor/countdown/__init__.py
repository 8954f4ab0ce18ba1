"""The last look before a night: what of each difusor is red or green a day and an hour before the opening."""
