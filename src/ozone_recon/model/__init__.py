"""What Ozone's things are called, as plain values; imports nothing of ours but errors."""
