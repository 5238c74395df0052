"""The demo: the whole service on one machine, with real purchases and simulated contacts."""
