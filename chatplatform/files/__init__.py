"""Files that people attach: taken in, encrypted, read in the background, and chosen from for a question.

Knows nothing of conversations: chat/attachments says which message a file belongs to.
"""
