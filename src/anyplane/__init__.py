"""Plan, run, prove and measure BGP anycast networks from one design file."""

__version__ = "0.1.0"
