//! Where manifests come from. Each provider turns its world into objects for the store and knows
//! nothing of what is done with them.

pub mod echo;
pub mod file;
pub mod kubernetes;
