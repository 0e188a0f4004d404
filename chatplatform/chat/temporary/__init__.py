"""Temporary chats: they live in the memory of one web process, speak the chat's frames, and leave no words behind."""
