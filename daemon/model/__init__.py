"""What a CRNN is: alphabet, network, decoding, and the file they ship in."""
