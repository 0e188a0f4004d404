"""Backups: made while everything runs, proved before anything is replaced, keys in a file of their own."""
