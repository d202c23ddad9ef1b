"""What columns need, in Arrow's words: byte strings, sorted search, sums, and how a kernel is compiled."""
