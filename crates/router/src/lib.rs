//! The map room: what a snapshot says, compiled so that a request finds its rule at once.

pub mod head;

pub use head::Head;
