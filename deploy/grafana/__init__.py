"""Grafana's dashboards as code: ``python -m deploy.grafana.generate`` writes the JSON."""
