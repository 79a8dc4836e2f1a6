"""HTTP plumbing of the web process: middleware, security, request bodies, errors, downloads."""
