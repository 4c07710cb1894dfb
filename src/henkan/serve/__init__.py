"""The page people try networks on: on this machine alone, nothing kept, nothing sent elsewhere."""
