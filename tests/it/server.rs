//! A small HTTP server on the loopback, answering as a test says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::env::Outcome;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path.
    pub path: String,
    /// The server, as the client named it.
    pub host: String,
    /// The first byte asked for, of a ranged request.
    pub from: Option<usize>,
    /// How many requests of this method came before.
    pub earlier: usize,
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status; 0 means 200, or 206 to a ranged request.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The whole body, before any range is cut out of it.
    pub body: Vec<u8>,
    /// The connection breaks after so many bytes.
    pub cut: Option<usize>,
    /// The server does not know ranges.
    pub rangeless: bool,
    /// Milliseconds between pieces of 16 kB.
    pub pause_ms: u64,
}

/// The running server.
pub struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server that answers as `answer` says.
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = Self {
            address: listener.local_addr()?,
            log: Arc::default(),
            stop: Arc::default(),
        };
        let (log, stop, answer) = (
            Arc::clone(&server.log),
            Arc::clone(&server.stop),
            Arc::new(answer),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // A client that goes away is no fault of the server's.
                std::thread::spawn(move || drop(serve(&stream, &log, &*answer)));
            }
        });
        Ok(server)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far with `method`.
    pub fn asked(&self, method: &str) -> Vec<Request> {
        let log = self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        log.iter()
            .filter(|request| request.method == method)
            .cloned()
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for the next connection.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut stream: &TcpStream, log: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Answer) -> Outcome {
    let mut request = read(stream)?;
    {
        let mut log = log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        request.earlier = log
            .iter()
            .filter(|earlier| earlier.method == request.method)
            .count();
        log.push(request.clone());
    }
    let answer = answer(&request);
    let from = request.from.filter(|_| !answer.rangeless);
    let body = &answer.body[from.unwrap_or(0).min(answer.body.len())..];
    let status = match (answer.status, from) {
        (0, Some(_)) => 206,
        (0, None) => 200,
        (status, _) => status,
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    )?;
    if let Some(from) = from {
        let total = answer.body.len();
        write!(
            stream,
            "Content-Range: bytes {from}-{}/{total}\r\n",
            total.saturating_sub(1)
        )?;
    }
    for (name, value) in &answer.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "\r\n")?;
    if request.method == "HEAD" {
        return Ok(());
    }
    for piece in body[..answer.cut.unwrap_or(body.len()).min(body.len())].chunks(1 << 14) {
        stream.write_all(piece)?;
        std::thread::sleep(std::time::Duration::from_millis(answer.pause_ms));
    }
    Ok(())
}

fn read(stream: &TcpStream) -> Outcome<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().ok_or("nothing was asked")??;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut from, mut host) = (None, String::new());
    for line in lines {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(name) = line.strip_prefix("host: ") {
            name.clone_into(&mut host);
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = Some(range.trim_end_matches('-').parse()?);
        }
    }
    Ok(Request {
        method,
        path,
        host,
        from,
        earlier: 0,
    })
}
