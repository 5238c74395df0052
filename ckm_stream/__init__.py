"""Customer knowledge management on Kafka: profiles and key-source scores per customer."""
