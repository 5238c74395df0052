"""
How many partitions and workers a population needs, and what breaks first.

``quantities`` names every number that goes in, ``given`` takes them from the command line, a file
and ``bench/results``; ``plan`` sizes an installation, ``limits`` says which of its limits is
nearest; ``arrivals``, ``simulation`` and ``history`` play days of load with faults; ``queueing``
has the closed formulas that these are held to; ``page`` prints. Nothing here uses a network.
"""
