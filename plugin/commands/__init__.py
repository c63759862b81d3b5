"""What each command does, once its flags have been read."""
