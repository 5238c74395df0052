"""Bytes and the domain: frames, Avro, schemas, dead letters, encoded states."""
