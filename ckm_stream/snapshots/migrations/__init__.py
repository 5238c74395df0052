"""The store's history: one revision a file, each with its way back. Run by ``ckm migrate``."""
