//! The data plane against real sockets on loopback: one program, so that it is linked once.

mod binds;
mod dns;
mod drain;
mod harness;
mod limits;
mod reload;
mod tls;
