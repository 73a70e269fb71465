"""Why a prompt was not read from the cache: what could have been read, and the reasons."""
