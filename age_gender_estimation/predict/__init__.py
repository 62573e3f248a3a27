"""The SavedModel: writing it, and asking it about photos."""
