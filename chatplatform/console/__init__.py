"""Pages for people who run a workspace, under /console/."""
