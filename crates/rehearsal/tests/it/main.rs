//! The stack and the load with real processes.
