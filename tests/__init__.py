"""The tests, filed by what they start.

unit     nothing of the daemon's: no worker, no web process, no command; folders as the package's.
         Those that compute for over a second are marked `slow`; `make test-fast` runs the others.
process  one worker, one web process, one command, or a server on loopback.
system   a whole running daemon: crashes, shares, browsers, the short forms of torture and soak;
         and the files for operators, tried with the programs that read them.
support  what they share: samples of documents, a workspace with a daemon, sites and browsers.
torture  kills, power cuts and soak in their long forms (`make torture`, `make soak`).
fuzz     the fuzzers (`make fuzz`); what they found is in its corpus, which `process` reads.

Data beside the repository (support.repository.SHARED) is used where it is there; else its tests
skip and say so.
"""
