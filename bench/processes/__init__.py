"""Each of these runs in a process of its own."""
