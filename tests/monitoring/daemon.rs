//! A daemon for the web to serve: it has metrics, a configuration and a page, and writes down what it is told.

use super::config;
use chrono::{DateTime, Utc};
use nightbell::config::Config;
use nightbell::edge::store::Store;
use nightbell::edge::web::{App, Asked, Incident, Later, Permit, Reloaded, Web};
use nightbell::publish::metrics::Metrics;
use nightbell::publish::pages::Now;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Daemon {
    pub metrics: Arc<Metrics>,
    pub config: Mutex<Arc<Config>>,
    pub told: Mutex<Vec<Incident>>,
    pub ready: Mutex<Result<(), String>>,
    pub mistakes: Mutex<Vec<String>>,
    /// Calls of `/probe` that may be made.
    pub calls: Mutex<usize>,
}

impl Daemon {
    pub fn new(hotlines: &[(&str, &[&str])]) -> Arc<Daemon> {
        let metrics = Arc::new(Metrics::new("0.1.0"));
        let config = Arc::new(config(hotlines));
        metrics.hotlines(&config);
        Arc::new(Daemon {
            metrics,
            config: Mutex::new(config),
            told: Mutex::default(),
            ready: Mutex::new(Ok(())),
            mistakes: Mutex::default(),
            calls: Mutex::new(100),
        })
    }

    /// Another configuration, as a reload brings it.
    pub fn reload_with(&self, hotlines: &[(&str, &[&str])]) {
        let config = Arc::new(config(hotlines));
        self.metrics.hotlines(&config);
        *self.config.lock().unwrap() = config;
    }
}

impl App for Daemon {
    fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    fn config(&self) -> Arc<Config> {
        self.config.lock().unwrap().clone()
    }

    fn healthy(&self) -> Result<(), String> {
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        self.ready.lock().unwrap().clone()
    }

    fn clock(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn now(&self) -> Now {
        Now { version: "0.1.0".into(), ..Now::default() }
    }

    fn stirs(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::Sender::new(0).subscribe()
    }

    fn store(&self) -> Option<Store> {
        None
    }

    fn reload(&self) -> Later<'_, Reloaded> {
        let mistakes = self.mistakes.lock().unwrap().clone();
        Box::pin(async move { if mistakes.is_empty() { Ok("1 hotline, 1 probe".into()) } else { Err(mistakes) } })
    }

    fn alerts(&self, incidents: Vec<Incident>) -> Later<'_, Result<usize, String>> {
        let concern = incidents.iter().filter(|i| i.labels.contains_key("hotline")).count();
        self.told.lock().unwrap().extend(incidents);
        Box::pin(async move { Ok(concern) })
    }

    fn checkpoint(&self) -> Later<'_, Option<String>> {
        Box::pin(async { Some("nightbell\n1\nAAAA\n\n— nightbell BBBB\n".to_string()) })
    }

    fn may_call(&self, _: Asked) -> Later<'_, Result<Permit, String>> {
        let mut calls = self.calls.lock().unwrap();
        let may = *calls > 0;
        *calls = calls.saturating_sub(1);
        let permit = || Permit { held: Box::new(()), revoked: tokio::sync::oneshot::channel().1 };
        Box::pin(async move { if may { Ok(permit()) } else { Err("calls_per_hour is used up".into()) } })
    }
}

/// The web server on a thread of its own, ended with this value.
pub struct Served {
    pub address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    pub fn start(daemon: &Arc<Daemon>, web_config: Option<&Path>) -> Served {
        Served::start_at(daemon, web_config, "127.0.0.1:0")
    }

    pub fn start_at(daemon: &Arc<Daemon>, web_config: Option<&Path>, listen: &str) -> Served {
        let (daemon, web_config, listen) = (daemon.clone(), web_config.map(Path::to_path_buf), listen.to_string());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let web =
                    Web::bind(&listen, web_config.as_deref()).await.unwrap_or_else(|e| panic!("{}", e.join("\n")));
                tell.send(web.address()).expect("somebody waits");
                web.serve(daemon, async { drop(stopped.await) }).await;
            });
        });
        let address = told.recv_timeout(Duration::from_secs(90)).expect("it listens");
        Served { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Ends the server and waits for it.
    pub fn stop(&mut self) -> Duration {
        let began = Instant::now();
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends");
        }
        began.elapsed()
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.address, &format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// One request over a connection of its own; a connection closed without a word is status 0.
pub fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    // The other side may have closed already.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_string(), body: body.to_string() }
}

/// Waits until something holds.
pub fn until<T>(what: &str, seconds: u64, mut holds: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match holds() {
            Ok(value) => return value,
            Err(last) if Instant::now() > end => panic!("not within {seconds} s: {what}; last: {last}"),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
