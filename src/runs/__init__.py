"""What a training leaves: a folder that tells all, without its data set."""
