//! The door for proxies, through real TLS sockets, beside a scripted API server.

#![cfg(test)]

#[path = "../api_server/api_server.rs"]
mod api_server;
mod authority;
mod bounds;
mod ends;
mod entry;
mod proxy;
mod stage;
mod steps;
mod world;
