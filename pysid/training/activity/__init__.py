"""Training of the network that says how many speak."""
