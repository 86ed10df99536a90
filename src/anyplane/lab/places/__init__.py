"""places: what runs at a site of the lab: router daemon, servers, agent, and what others hear of it."""
