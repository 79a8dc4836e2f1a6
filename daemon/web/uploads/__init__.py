"""Uploads: from the body of a request to a file in the inbox."""
