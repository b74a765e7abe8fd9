"""Many runs: planned and checked, run in processes, summed up in tables and pictures."""
