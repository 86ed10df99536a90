"""The same users under unicast, GeoDNS, global and regional anycast: what `anyplane compare` asks."""
