//! Files as people upload them, each with what is right for it.

mod cases;
