"""The last thing that the server imports: what it has loaded is what its runs go through, whatever is edited since."""

from henkan.runs.sources import code

# All training code: hashed, and its imports followed, once for all runs.
code({})
