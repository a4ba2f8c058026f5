"""Rich authorization requests (RFC 9396), apart from any protocol: schemas, words and narrowing of one detail."""
