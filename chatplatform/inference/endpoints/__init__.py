"""The engines beside the machine's own: known, chosen, watched."""
