"""The lake: events as Parquet files, so that they are looked through again without parsing (a retro-hunt).

``layout``: how the files lie and what each says of itself; ``export``: paths in, an export out, by way of ``parts``;
``grams``: which words a part cannot hold; ``stored``: the files in, batches out; ``recall``: event ids in, raw records
out.
"""
