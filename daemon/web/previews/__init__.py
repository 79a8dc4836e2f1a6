"""Page images: one page of an original as a JPEG, rendered in a sandboxed process."""
