"""What running the programs needs: brokers, topics, metrics, logs, the connection to Kafka."""
