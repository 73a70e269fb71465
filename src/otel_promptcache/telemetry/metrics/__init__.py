"""What is counted and recorded, and how many series that makes."""
