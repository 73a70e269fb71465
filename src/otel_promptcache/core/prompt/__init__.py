"""The prompt of a request as segments, a hash chain and pieces; what identifies its template."""
