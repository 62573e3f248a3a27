"""Where labelled faces come from. Every dataset is a function that returns a list of Example records."""
