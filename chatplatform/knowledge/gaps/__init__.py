"""What people asked and no document answered: for those who look after the documents.

A gap holds the words of whoever asked, sealed with their key: it goes with their erasure and with their conversation.
Those who may change the documents of one of the assistant's collections read it without a name beside it.
"""
