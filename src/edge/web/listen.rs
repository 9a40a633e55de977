//! Connections: as many as are bounded, each with a bounded head, bounded patience, and an end.

use super::settings::Settings;
use crate::vocabulary::limits;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Sleep;

/// Connections of each address.
type Peers = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// Held while a connection lasts.
struct Place {
    peers: Peers,
    peer: IpAddr,
}

impl Place {
    fn take(peers: &Peers, peer: IpAddr) -> Option<Place> {
        let mut all = peers.lock().unwrap_or_else(|p| p.into_inner());
        let taken: usize = all.values().sum();
        let of_one = all.entry(peer).or_default();
        if taken >= limits::WEB_CONNECTIONS_MAX || *of_one >= limits::WEB_CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        *of_one += 1;
        Some(Place { peers: peers.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.peers.lock().unwrap_or_else(|p| p.into_inner());
        if let Some(of_one) = all.get_mut(&self.peer) {
            *of_one -= 1;
            if *of_one == 0 {
                all.remove(&self.peer);
            }
        }
    }
}

/// Serves until `stop` is done, then lets answers under way come to their end.
pub async fn serve(
    listener: TcpListener,
    settings: Arc<Settings>,
    router: impl Fn(Arc<super::settings::InUse>, IpAddr) -> Router,
    stop: impl Future<Output = ()>,
) {
    let peers = Peers::default();
    let (ending, ended) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly: those that end give some back.
                tracing::warn!("a connection was not taken: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(place) = Place::take(&peers, peer.ip()) else {
            tracing::warn!("too many connections: one from {} was closed", peer.ip());
            continue;
        };
        let in_use = settings.now();
        let router = router(in_use.clone(), peer.ip());
        let mut ended = ended.clone();
        tokio::spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            match &in_use.tls {
                None => talk(stream, router, &mut ended).await,
                Some(config) => {
                    let shake = tokio_rustls::TlsAcceptor::from(config.clone()).accept(stream);
                    match tokio::time::timeout(limits::WEB_HEAD_TIME_MAX, shake).await {
                        Ok(Ok(stream)) => talk(stream, router, &mut ended).await,
                        Ok(Err(error)) => tracing::debug!("no TLS with {}: {error}", peer.ip()),
                        Err(_) => tracing::debug!("{} did not finish its TLS handshake", peer.ip()),
                    }
                }
            }
        });
    }
    drop(listener);
    let _ = ending.send(true);
    drop(ended);
    // Every connection holds a receiver; the last one to go closes the channel.
    let _ = tokio::time::timeout(limits::WEB_FAREWELL_MAX, ending.closed()).await;
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router, ended: &mut watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::WEB_HEAD_TIME_MAX)
        .max_buf_size(limits::WEB_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Patience::new(stream)), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let over = async { drop(ended.wait_for(|ended| *ended).await) };
    let early = tokio::select! {
        result = connection.as_mut() => Some(result),
        () = over => None,
    };
    let result = match early {
        Some(result) => result,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!("a connection ended: {error}");
    }
}

/// A stream whose writes may not stall for long: a reader that takes a byte a minute holds nothing.
struct Patience<S> {
    stream: S,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    fn new(stream: S) -> Patience<S> {
        Patience { stream, stalled: None }
    }

    fn lose<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limits::WEB_STALL_MAX)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not taken"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.lose(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.lose(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.lose(cx, polled)
    }
}

/// Binds `HOST:PORT` or `:PORT`.
pub async fn bind(listen: &str) -> io::Result<TcpListener> {
    if let Some(port) = listen.strip_prefix(':') {
        // Both families where there are two.
        return match TcpListener::bind(format!("[::]:{port}")).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await,
        };
    }
    TcpListener::bind(listen).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let peers = Peers::default();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let held: Vec<_> = (0..limits::WEB_CONNECTIONS_OF_ONE_MAX).map(|_| Place::take(&peers, one).unwrap()).collect();
        assert!(Place::take(&peers, one).is_none());
        assert!(Place::take(&peers, "192.0.2.2".parse().unwrap()).is_some());
        drop(held);
        assert!(Place::take(&peers, one).is_some());
        assert!(peers.lock().unwrap().is_empty(), "places are given back");
    }
}
