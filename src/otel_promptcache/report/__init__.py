"""A report for a person about one run of a program: how its prompts were cached, what that lost, and why.

`command` is the command line. Reading calls, judging and summing them up is pure; the files `terminal`, `html`
and `document` only show it.
"""
