"""config.yaml and the environment, read into one frozen Config."""
