//! The simulated APIO platform.
