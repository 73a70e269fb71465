"""`POST /responses`, similar endpoints, and operations on stored responses."""
