"""The application core: records in, effects out; it knows neither Faust nor a database."""
