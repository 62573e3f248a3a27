"""From a photo or video to face crops: decoding, detection, alignment, and the crop geometry."""
