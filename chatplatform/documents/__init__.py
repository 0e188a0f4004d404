"""Documents into text: what a file is, its text with structure, and passages of it.

Reads nothing but bytes and knows nobody: whoever has files (attachments of chats, collections) hands the bytes in.
Parsers run in a confined process of their own (`reading.py` starts it, `child.py` is it).
"""
