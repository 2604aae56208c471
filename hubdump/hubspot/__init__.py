"""Everything that knows HubSpot's HTTP API; never touches the disk."""
