"""The checks of `manage.py doctor` and of the console's health page, one small function for each part."""
