"""The board of deadlines: what is recorded of each difusor, who must act next, until when, and whom to call."""
