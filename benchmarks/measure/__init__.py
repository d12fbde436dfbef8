"""What the benchmarks share: tasks that are timed, the machine, tables."""
