//! Processes of connectors: started at the first call, shared, limited and reaped.
