"""Generated applications whose faults are known, and how often the diagnosis tells them right."""
