//! apio-operator
