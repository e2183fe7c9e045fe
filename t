bs.json: cannot be read: No such file or directory
Command exited with non-zero status 2
0.08
