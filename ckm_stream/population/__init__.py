"""What is learnt from all customers together: the priors, tables and thresholds of an epoch."""
