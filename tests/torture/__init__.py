"""Torture: kill the daemon at every step and at random moments, cut its power, count what is left.

program     the real daemon and its real worker processes, with a pretended reading
life        one life of the daemon as a process: start, stopped, killed, ready
oracle      landed against answered, from the folders alone
matrix      a kill at every named step of the path
traffic     what is dropped, and the answer that each file deserves
random      seeded kills at random moments under traffic
watcher     polls the outbox meanwhile: was anything torn, ever?
trace       strace's record of a life as file operations
disk        what a disk may hold after a cut, given the operations before it
powercut    every cut of one life, restarted

    python -m tests.torture --help

Nothing here shares code with the daemon's own proof (daemon/cli/verify.py): each checks the other.
"""
