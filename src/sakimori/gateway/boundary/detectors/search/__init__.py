"""Finding where patterns match, in one pass of Hyperscan over a text."""
