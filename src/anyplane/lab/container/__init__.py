"""container: namespaces, processes and the engine that holds a lab together; how to reach it from outside."""
