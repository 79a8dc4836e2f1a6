"""The recognition model: CRNN, CTC decoding, character set, and its files."""
