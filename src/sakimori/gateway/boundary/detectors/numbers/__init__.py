"""Numbers that were given to somebody: by check digits, by form, by what stands beside them."""
