"""What a Python skill may import, and the host that runs it in a process of its own. Standard library only, Python 3.10 or newer."""
