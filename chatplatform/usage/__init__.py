"""What people use, and how much of it they may."""
