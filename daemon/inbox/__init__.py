"""When is a file in the inbox ready? Watch rings, scan knows, settle decides."""
