"""From raw requests to features; part of every export."""
