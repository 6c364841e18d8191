"""HTTP for the backends that speak it: the same options, the same way in, the same words when it fails."""
