"""The CRNN: network, decoding, character set, and its files."""
