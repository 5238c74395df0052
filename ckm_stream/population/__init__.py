"""What is learnt from all customers together: one epoch's priors, tables, weights and thresholds."""
