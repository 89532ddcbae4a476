"""`python -m strongroom`: the agent."""

from strongroom._agent.command_line import main

if __name__ == "__main__":
    main()
