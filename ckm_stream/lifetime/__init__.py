"""Customer lifetime value: models of buying and of spend, their fit, and prices in money."""
