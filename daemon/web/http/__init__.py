"""HTTP plumbing of the web process: errors, middleware, access control, bodies, file names."""
