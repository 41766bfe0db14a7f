"""What a benchmark runs in a process of its own that has Bellhop's Django set up."""
