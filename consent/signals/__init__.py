"""Shared signals: telling resources, at once and signed, when something changes for tokens of their audience.

How a signal goes: the change writes its event and a note of it (``agents/trail/notices.py``); ``spreading`` turns notes
into numbered signals of the streams that ``concerned`` names (for single tokens, ``dead_tokens``); ``delivery`` signs and sends them, one at a time for each
stream. ``streams`` holds what people and receivers may do with a stream, ``events`` the words of the specifications.
"""
