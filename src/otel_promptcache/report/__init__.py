"""A report for people about one run of a program: how its prompts were cached, what misses cost, and why.

`command` is the command line. Reading, judging and summing up calls is pure; the modules `terminal`,
`html` and `document` only show the result.
"""
