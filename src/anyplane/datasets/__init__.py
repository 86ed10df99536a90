"""Files and downloads behind topology: formats, cache, checksum, licence."""
