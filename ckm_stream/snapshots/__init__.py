"""
The relational store: newest profiles, score history, knowledge items, and how far each topic is in.

Everything in it is derived from topics and can be dropped and rebuilt (promise P13), but for the
epochs that were fitted to it, of which a topic holds those that were activated. Only SQLAlchemy
and Alembic live here; Kafka does not.
"""
