"""Work on a corpus by several processes, GPUs or machines: shards of it, written whole or not at all, put together.

`workers` says who works, `run` has parts of the work done, `shards` makes an archive of it.
"""
