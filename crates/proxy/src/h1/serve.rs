//! The life of a client's connection: requests one after the other, until one side has had enough.

use std::{future::poll_fn, rc::Rc, task::Poll};

use tokio::time::Instant;

use crate::{
    accept::Connection,
    closing::Stage,
    h1::ServerConn,
    http::{self, Client, Down, Failure, Heads, Lent, StreamError, Timer},
    limits,
    local::Local,
};

/// Serves a connection to its end.
pub(crate) async fn serve(local: Rc<Local>, connection: Connection) {
    let (io, client) = Client::of(connection);
    let mut conn = ServerConn::new(io);
    let mut timer = Timer::default();
    while begun(&local, &mut conn, &client, &mut timer).await {
        let mut lent = Lent::new();
        let heads = lent.heads();
        match read(&local, &mut conn, heads, &mut timer).await {
            Ok(true) => {
                let down = &mut Down::H1(&mut conn);
                http::exchange(&local, &client, down, heads, &mut timer).await;
            }
            Ok(false) => return,
            Err(failure) => {
                let down = &mut Down::H1(&mut conn);
                http::refuse(&local, &client, down, heads, &mut timer, failure);
            }
        }
        drop(lent);
        if !finished(&mut conn, &mut timer).await {
            return;
        }
    }
}

/// Waits for the first byte of a request; false when none will come.
async fn begun(local: &Local, conn: &mut ServerConn, client: &Client, timer: &mut Timer) -> bool {
    let mut deadline = None;
    poll_fn(|cx| {
        if let Poll::Ready(begun) = conn.poll_begun(cx) {
            return Poll::Ready(begun);
        }
        if client.closing.stage() >= Stage::Close {
            return Poll::Ready(false);
        }
        let idle = || Instant::now() + local.patience().idle;
        timer.poll(cx, *deadline.get_or_insert_with(idle)).map(|()| false)
    })
    .await
}

/// Reads a request's head; false when the client goes before it is complete.
async fn read(
    local: &Local,
    conn: &mut ServerConn,
    heads: &mut Heads,
    timer: &mut Timer,
) -> Result<bool, Failure> {
    let mut deadline = None;
    poll_fn(|cx| {
        if let Poll::Ready(read) = conn.poll_request(cx, &mut heads.request) {
            return Poll::Ready(match read {
                Ok(read) => Ok(read),
                Err(StreamError::Malformed(violation)) => Err(violation.of_request()),
                Err(StreamError::Closed | StreamError::Reset | StreamError::Refused) => Ok(false),
            });
        }
        let late = || Instant::now() + local.patience().head;
        timer.poll(cx, *deadline.get_or_insert_with(late)).map(|()| {
            conn.close_after();
            Err(Failure::HeadTimeout)
        })
    })
    .await
}

/// Brings the connection in order after a request; whether another one may follow.
async fn finished(conn: &mut ServerConn, timer: &mut Timer) -> bool {
    let mut deadline = None;
    poll_fn(|cx| {
        if let Poll::Ready(finished) = conn.poll_finish(cx) {
            return Poll::Ready(finished.unwrap_or(false));
        }
        let late = || Instant::now() + limits::LINGER_TIME_MAX;
        timer.poll(cx, *deadline.get_or_insert_with(late)).map(|()| false)
    })
    .await
}

#[cfg(test)]
mod tests;
