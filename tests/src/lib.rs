//! What no single crate can promise: that adapters of a port behave alike, and that an upload becomes a forecast.
