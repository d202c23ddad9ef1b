"""Child processes: starts and supervises them, and exchanges messages with them."""
