"""From any photo to face crops: decoding, detection and the geometry of a crop."""
