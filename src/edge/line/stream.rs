//! One connection: opened, its bytes cut into messages, what is to go written, and its end told with the reason.

use super::tls::{self, Tls};
use super::wires::Teller;
use crate::call::sip::framing::{Frame, Framer, PING, PONG};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// A far side that does not take a connection within this time does not take one: TCP and TLS together.
const OPENING_TIME: Duration = Duration::from_secs(5);
/// A far side that takes no bytes for so long takes none any more.
const WRITING_TIME: Duration = Duration::from_secs(10);
/// What a far side has said before it broke off is there already.
const LAST_WORD_TIME: Duration = Duration::from_millis(200);
/// RFC 5626 §4.4.1: between 95 and 120 seconds keeps what is between us from forgetting the connection.
const PING_TIME: Duration = Duration::from_secs(100);
/// RFC 5626 §4.4.1: a far side that has answered pings and leaves one unanswered is gone.
const PONG_TIME: Duration = Duration::from_secs(10);

/// What a connection tells of itself.
pub enum Told {
    Message(Vec<u8>),
    /// It never came to be.
    Refused(String),
    /// Somebody connected to us, and did not get as far as a message.
    Stranger,
    /// It was there and is not any more.
    Closed(String),
}

/// A socket on this address, which other connections and a listener of ours may share: a response or request that comes
/// back to the port in our Via finds us, whichever way it comes.
pub fn bound(local: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if local.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(local)?;
    Ok(socket)
}

async fn connected(local: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let fresh = || bound(SocketAddr::new(local.ip(), 0));
    let stream = match bound(local).or_else(|_| fresh())?.connect(to).await {
        // The same two ports were one connection a moment ago (TIME-WAIT): from another port, then.
        Err(e) if matches!(e.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable) => {
            fresh()?.connect(to).await?
        }
        other => other?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Opens a connection and carries it to its end. It ends, too, when nobody can give it anything to send any more.
pub async fn open(
    local: SocketAddr,
    to: SocketAddr,
    tls: Option<Tls>,
    outgoing: mpsc::Receiver<Vec<u8>>,
    told: Teller,
) {
    let by = if tls.is_some() { "TLS" } else { "TCP" };
    let opening = async {
        let stream = connected(local, to).await.map_err(|e| format!("no {by} connection to {to}: {e}"))?;
        match &tls {
            None => Ok((Some(stream), None)),
            Some(tls) => tls.over(stream).await.map(|secured| (None, Some(secured))),
        }
    };
    match tokio::time::timeout(OPENING_TIME, opening).await {
        Ok(Ok((Some(stream), _))) => carry(stream, outgoing, told).await,
        Ok(Ok((_, Some(secured)))) => carry(*secured, outgoing, told).await,
        Ok(Ok((None, None))) => unreachable!("a connection is one of the two"),
        Ok(Err(why)) => _ = told.tell(Told::Refused(why)).await,
        Err(_) => {
            let why = format!("no {by} connection to {to} within {} s", OPENING_TIME.as_secs());
            told.tell(Told::Refused(why)).await;
        }
    }
}

/// Answers somebody who connected to us by TLS, and carries the connection to its end.
pub async fn secure(stream: TcpStream, tls: Tls, outgoing: mpsc::Receiver<Vec<u8>>, told: Teller) {
    match tokio::time::timeout(OPENING_TIME, tls.under(stream)).await {
        Ok(Ok(secured)) => carry(*secured, outgoing, told).await,
        // What a scanner of ports says is nobody's trouble.
        Ok(Err(_)) | Err(_) => _ = told.tell(Told::Stranger).await,
    }
}

/// Carries a connection that is open.
pub async fn carry<S: AsyncRead + AsyncWrite>(stream: S, mut outgoing: mpsc::Receiver<Vec<u8>>, told: Teller) {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut framer = Framer::default();
    let mut buffer = vec![0; 16 * 1024];
    let mut ping_at = tokio::time::Instant::now() + PING_TIME;
    let (mut answers_pings, mut waits_for_pong) = (false, false);
    let why = 'life: loop {
        tokio::select! {
            got = reading.read(&mut buffer) => {
                let count = match got {
                    Ok(0) => break "closed by the far side".to_string(),
                    Ok(count) => count,
                    Err(e) => break tls::words(&e),
                };
                framer.push(&buffer[..count]);
                loop {
                    match framer.next_frame() {
                        Ok(Some(Frame::Message(bytes))) => {
                            if !told.tell(Told::Message(bytes)).await {
                                return;
                            }
                        }
                        Ok(Some(Frame::Ping)) => {
                            if let Err(why) = write(&mut writing, PONG).await {
                                break 'life why;
                            }
                        }
                        Ok(Some(Frame::Pong)) => {
                            if std::mem::take(&mut waits_for_pong) {
                                ping_at = tokio::time::Instant::now() + PING_TIME;
                            }
                            answers_pings = true;
                        }
                        Ok(None) => break,
                        Err(broken) => break 'life format!("closed by us: {broken}"),
                    }
                }
            }
            message = outgoing.recv() => match message {
                Some(bytes) => if let Err(why) = write(&mut writing, &bytes).await {
                    break last_word(&mut reading, &mut buffer).await.unwrap_or(why);
                },
                None => {
                    let _ = tokio::time::timeout(Duration::from_secs(1), writing.shutdown()).await;
                    return;
                }
            },
            () = tokio::time::sleep_until(ping_at) => {
                if waits_for_pong {
                    break "closed by us: the far side has stopped to answer".to_string();
                }
                if let Err(why) = write(&mut writing, PING).await {
                    break why;
                }
                waits_for_pong = answers_pings;
                ping_at = tokio::time::Instant::now() + if waits_for_pong { PONG_TIME } else { PING_TIME };
            }
        }
    };
    told.tell(Told::Closed(why)).await;
}

/// What a far side that takes nothing any more has said before: who hangs up on us in TLS says why.
async fn last_word(reading: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> Option<String> {
    let error = async {
        while reading.read(buffer).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    let said = tokio::time::timeout(LAST_WORD_TIME, error).await.ok()?;
    said.err().filter(|e| e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())).map(|e| tls::words(&e))
}

async fn write(writing: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), String> {
    let whole = async {
        writing.write_all(bytes).await?;
        writing.flush().await
    };
    match tokio::time::timeout(WRITING_TIME, whole).await {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(_) => Err(format!("closed by us: the far side takes nothing for {} s", WRITING_TIME.as_secs())),
    }
}
