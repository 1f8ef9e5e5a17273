//! Streams and connections.
