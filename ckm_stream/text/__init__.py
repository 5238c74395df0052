"""What customers' own words say: sentiment and topics; rules and word lists, nothing downloaded."""
