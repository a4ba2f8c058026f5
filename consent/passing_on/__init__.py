"""Passing work on from agent to agent: derived consents, how far a person lets it go, and the words for it."""
