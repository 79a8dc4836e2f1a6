"""Texts, fonts, alphabets and word lists to train from."""
