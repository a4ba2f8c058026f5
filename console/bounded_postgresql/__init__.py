"""Django's PostgreSQL engine with a deadline for each answer, as ``ENGINE`` in ``console/engines.py``."""
