"""The engine on a Dask cluster: tasks go to workers on other machines, each with a local pool.

Nothing here is imported by a daemon with the local engine. `engine` runs in the supervising
process, `host` and what it uses in a worker (`ocr-daemon worker`); `calls` are the functions that
Dask calls there, `messages` what the two say to each other, and `identity` what they compare.
"""
