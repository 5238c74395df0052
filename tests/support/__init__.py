"""What tests share: brokers, databases and builders; nothing here is part of the package."""
