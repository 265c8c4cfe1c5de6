"""What words, runs of characters and names of fields are: the lists and the judgements that detectors share."""
