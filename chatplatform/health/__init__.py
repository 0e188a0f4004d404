"""How the parts of the platform are: checks, probes, ports, and whether a supervisor runs here."""
