"""Real services for tests: PostgreSQL, Redis, and Mandate itself as processes of their own, on loopback alone."""
