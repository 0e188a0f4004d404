"""How a person likes the chat to behave: keys and notifications. Theme and language are in the profile."""
