"""A speaker model on disk and in memory; `shipped` holds those that come with pysid."""
