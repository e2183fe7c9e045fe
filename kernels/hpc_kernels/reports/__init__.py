"""Reports of a job: its progress, the resources it used, the errors of its approximations."""
