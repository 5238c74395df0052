"""The routes of the gateway, one module for each thing that is asked for."""
