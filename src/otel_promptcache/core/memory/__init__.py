"""What was sent before, without its content, in bounded memory."""
