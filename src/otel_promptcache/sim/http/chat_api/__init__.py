"""`POST /chat/completions` and the older `POST /completions`."""
