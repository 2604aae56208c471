"""Reading a portal into the store: what to fetch, and driving the flows that fetch it."""
