//! One connection of the generator, plain or TLS: what is to be sent gathers and goes out with one
//! write, and a read is one read. Half of it reads, the other writes; both belong to one thread.

use std::{
    cell::RefCell,
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, HandshakeKind, pki_types::ServerName};
use tokio::{
    io::AsyncReadExt as _,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::site::HOST;

/// The half that writes.
pub(crate) struct Wire {
    write: OwnedWriteHalf,
    tls: Option<ClientConnection>,
    /// What is to be sent next.
    pub(crate) out: Vec<u8>,
    /// Records, or what the socket did not take.
    raw: Vec<u8>,
}

/// The half that reads.
pub(crate) struct WireReader {
    read: OwnedReadHalf,
    raw: Vec<u8>,
    wire: Rc<RefCell<Wire>>,
}

/// Connects, and completes the handshake where there is one.
pub(crate) async fn connect(
    address: SocketAddr,
    config: Option<&Arc<ClientConfig>>,
) -> io::Result<(Rc<RefCell<Wire>>, WireReader)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let tls = match config {
        None => None,
        Some(config) => {
            let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
            Some(ClientConnection::new(config.clone(), name).map_err(io::Error::other)?)
        }
    };
    let wire = Wire { write, tls, out: Vec::new(), raw: Vec::new() };
    let wire = Rc::new(RefCell::new(wire));
    let mut reader = WireReader { read, raw: Vec::new(), wire: wire.clone() };
    while wire.borrow().is_handshaking() {
        reader.flush().await?;
        if wire.borrow().is_handshaking() {
            reader.read(&mut Vec::new()).await?;
        }
    }
    reader.flush().await?;
    Ok((wire, reader))
}

impl Wire {
    /// Sends what has gathered, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(&self.out)?;
            while tls.wants_write() {
                tls.write_tls(&mut self.raw)?;
            }
        } else {
            self.raw.append(&mut self.out);
        }
        self.out.clear();
        while !self.raw.is_empty() {
            match self.write.try_write(&self.raw) {
                Ok(written) if written == self.raw.len() => self.raw.clear(),
                Ok(written) => drop(self.raw.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a full or a short handshake was made.
    pub(crate) fn handshake(&self) -> Option<HandshakeKind> {
        self.tls.as_ref()?.handshake_kind()
    }

    /// How many tickets came.
    pub(crate) fn tickets(&self) -> u32 {
        self.tls.as_ref().map_or(0, ClientConnection::tls13_tickets_received)
    }

    /// Says that nothing else will be sent.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        self.flush()
    }

    fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }
}

impl WireReader {
    /// Reads once and appends what came, which may be nothing but TLS's own. An end is an error:
    /// no proxy has a reason to close a connection of this run.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        if self.wire.borrow().tls.is_none() {
            into.reserve(READ_BYTES);
            let read = self.read.read_buf(into).await?;
            return if read == 0 { Err(closed()) } else { Ok(()) };
        }
        self.raw.clear();
        self.raw.reserve(READ_BYTES);
        if self.read.read_buf(&mut self.raw).await? == 0 {
            return Err(closed());
        }
        let mut wire = self.wire.borrow_mut();
        let Some(tls) = &mut wire.tls else { return Ok(()) };
        let mut raw = self.raw.as_slice();
        while !raw.is_empty() {
            tls.read_tls(&mut raw)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let start = into.len();
            into.resize(start + state.plaintext_bytes_to_read(), 0);
            tls.reader().read_exact(&mut into[start..])?;
        }
        Ok(())
    }

    /// Sends what has gathered, and waits until the socket took it.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        loop {
            self.wire.borrow_mut().flush()?;
            if self.wire.borrow().raw.is_empty() {
                return Ok(());
            }
            self.read.as_ref().writable().await?;
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the proxy closed the connection")
}

const READ_BYTES: usize = 64 * 1024;
