"""A small patient-records API that agents call, protected by Mandate. Read README.md first."""
