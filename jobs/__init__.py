"""What is due: work that nobody asks for, done beside the requests by every process."""
