//! All objects of one kind, for ever: a list, then a watch from there, and whatever it takes to go
//! on when a watch breaks. It holds no object; what is new goes to whoever keeps them.

use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{
    fault::{Backoff, Fault, REFUSALS},
    request::{Seen, Server, Target, Told},
};

/// What is new about the objects of a kind.
#[derive(Debug)]
pub(crate) enum News {
    /// A new list begins: what it does not name is gone when it ends.
    Listing,
    /// Objects of the list.
    Page(Vec<Seen>),
    /// The list has ended.
    Listed,
    /// What happened since.
    Told(Vec<Told>),
    /// The server cannot be read, for the reason that is given; what was told before goes on to
    /// hold. Said again with each attempt.
    Trouble { fault: Fault, believed: bool },
    /// It can be read again.
    Well,
}

/// The news of a kind as they come. Dropped, it asks for no more.
pub(crate) struct Follower {
    news: mpsc::Receiver<News>,
    task: AbortHandle,
}

impl Follower {
    /// Begins with a list.
    pub(crate) fn start(server: Server, target: Target) -> Self {
        // Whoever is slow to take news in slows the server's sending down.
        let (tell, news) = mpsc::channel(NEWS_MAX);
        let task = tokio::spawn(follow(server, target, tell)).abort_handle();
        Self { news, task }
    }

    /// The next news. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when nobody takes the news.
async fn follow(server: Server, target: Target, tell: mpsc::Sender<News>) {
    let mut backoff = Backoff::new(server.pace);
    let mut version = None;
    loop {
        let outcome = match version.take() {
            None => list(&server, target, &tell).await,
            Some(version) => watch(&server, target, version, &tell).await,
        };
        let Ok(outcome) = outcome else { return };
        // A list proves little: a server may give lists and break each watch.
        if outcome.steady {
            backoff.reset();
        }
        version = outcome.version;
        let Some(fault) = outcome.fault else { continue };
        if fault == Fault::Expired {
            version = None;
        }
        let wait = backoff.next(&fault);
        tracing::debug!(%target, %fault, ?wait, "the API server is asked again");
        // One cut connection is nothing to talk of, and an expired watch is part of the game.
        if backoff.failures() >= TROUBLES && fault != Fault::Expired {
            let believed = matches!(fault, Fault::Refused(_)) && backoff.failures() >= REFUSALS;
            if tell.send(News::Trouble { fault, believed }).await.is_err() {
                return;
            }
        }
        sleep(wait).await;
    }
}

/// How far an attempt came, and what ended it.
struct Outcome {
    /// Where to watch from; none if a list is needed.
    version: Option<String>,
    /// Whether the connection was a good one.
    steady: bool,
    /// What went wrong, if anything did.
    fault: Option<Fault>,
}

/// Nobody takes the news.
struct Deaf;

async fn list(server: &Server, target: Target, tell: &mpsc::Sender<News>) -> Result<Outcome, Deaf> {
    let mut next: Option<String> = None;
    loop {
        let page = match server.list(target, next.as_deref()).await {
            Ok(page) => page,
            Err(fault) => {
                return Ok(Outcome { version: None, steady: false, fault: Some(fault) });
            }
        };
        if next.is_none() {
            tell.send(News::Listing).await.map_err(|_| Deaf)?;
        }
        tell.send(News::Page(page.objects)).await.map_err(|_| Deaf)?;
        next = page.next;
        if next.is_none() {
            tell.send(News::Listed).await.map_err(|_| Deaf)?;
            return Ok(Outcome { version: Some(page.version), steady: false, fault: None });
        }
    }
}

async fn watch(
    server: &Server,
    target: Target,
    mut version: String,
    tell: &mpsc::Sender<News>,
) -> Result<Outcome, Deaf> {
    let mut watch = match server.watch(target, &version).await {
        Ok(watch) => watch,
        Err(fault) => {
            return Ok(Outcome { version: Some(version), steady: false, fault: Some(fault) });
        }
    };
    let mut steady = false;
    let fault = loop {
        let told = match steady {
            true => watch.next().await,
            // Nothing to tell for a while is as good as news.
            false => match timeout(server.pace.steady, watch.next()).await {
                Ok(told) => told,
                Err(_) => Ok(Some((Vec::new(), version.clone()))),
            },
        };
        let (mut told, now) = match told {
            Ok(Some(told)) => told,
            // Servers end watches now and then. One that ends at once is in trouble.
            Ok(None) => break (!steady).then_some(Fault::Silent),
            // Bookmarks come every minute, so that silence is a dead connection. It costs
            // nothing to go on from the same place.
            Err(Fault::Silent) => break (!steady).then_some(Fault::Silent),
            Err(fault) => break Some(fault),
        };
        version = now;
        if !steady {
            steady = true;
            tell.send(News::Well).await.map_err(|_| Deaf)?;
        }
        told.retain(|told| !matches!(told, Told::Bookmark));
        if !told.is_empty() {
            tell.send(News::Told(told)).await.map_err(|_| Deaf)?;
        }
    };
    Ok(Outcome { version: Some(version), steady, fault })
}

/// News that wait to be taken.
const NEWS_MAX: usize = 4;
/// Failures in a row that are worth a word.
const TROUBLES: u32 = 3;
