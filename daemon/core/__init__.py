"""What every other package uses: records, errors, options, file operations, counters, logs."""
