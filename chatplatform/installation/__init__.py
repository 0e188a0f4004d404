"""Sets up what the platform needs. Standard library only: it runs before anything is installed."""
