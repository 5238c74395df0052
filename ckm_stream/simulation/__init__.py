"""Simulated customers: latent truth, and the touchpoints that it makes likely."""
