"""Crash tests: kills at every step and at random moments, power cuts, and a count of the results.

program     the real daemon with its worker processes and simulated OCR
life        one run of the daemon as a process: start, ready, stop, kill
oracle      files dropped against answers, counted from the folders alone
matrix      a kill at every failpoint
traffic     the files that are dropped, with the answer expected for each
kills       seeded kills at random moments
series      traffic with random kills, and its figures
soak        hours of traffic and faults, and the use of memory and descriptors
clock       the wall clock is set while the daemon runs
reloads     kills while a config is reloaded
versions    another version on the same inbox, and on the same state folder
upgrade     a full disk, or a kill, at each operation of the ledger's upgrade
memory      resident memory of all processes over time
watcher     polls the outbox for torn and replaced answers
trace       the file operations of a run, recorded by strace
disk        the possible contents of a disk after a power cut
powercut    a restart after every power cut of a run

    python -m tests.torture --help

It shares no code with the check of the daemon itself (daemon/cli/verify.py): each checks the other.
"""
