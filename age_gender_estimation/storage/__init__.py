"""Files and folders, here or in a bucket: paths, atomic writes, locks, the text of errors."""
