"""Files and folders, here or in a bucket: paths, atomic writes, locks, and how an OS error is worded."""
