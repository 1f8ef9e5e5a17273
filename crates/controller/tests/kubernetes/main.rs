//! The provider against a scripted API server: what it reads, what it leaves alone, and what it
//! does while the server is slow, refuses, forgets, restarts, or has other kinds than before.

#![cfg(test)]

#[path = "../api_server/api_server.rs"]
mod api_server;

mod faults;
mod kinds;
mod objects;
mod secrets;
mod world;
