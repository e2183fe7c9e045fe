"""Jobs: job file, options, registry of the services, and the runs of the three classes of services."""
