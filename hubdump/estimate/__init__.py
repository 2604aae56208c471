"""What a run would read and what that takes, told before anything of it is read."""
