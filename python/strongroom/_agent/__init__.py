"""The agent: `python -m strongroom`. It has the same commands, messages and exit codes as the Go agent."""
