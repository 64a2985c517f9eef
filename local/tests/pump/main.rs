//! The pump: what it receives, invokes, deletes and gives back, in this process and with children.

mod child;
mod isolated;
mod pumping;
