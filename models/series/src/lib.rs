//! Time series as numbers.
