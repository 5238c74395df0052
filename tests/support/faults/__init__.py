"""What can be wrong with the product's programs (tests/support/faulty.py puts it there)."""
