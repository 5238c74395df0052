"""What a user would take instead of this worker, doing its job; `bench.comparison` runs them."""
