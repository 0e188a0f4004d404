"""Ways to come in: password, passkey, one-time codes, single sign-on; sessions and recovery."""
