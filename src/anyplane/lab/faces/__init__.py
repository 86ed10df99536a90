"""faces: what people see of a lab: status, catchments, traces, the demonstration."""
