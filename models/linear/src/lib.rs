//! linear.
