"""The ranks of one job: their number, exchange of arrays, work shared out among them and their threads."""
