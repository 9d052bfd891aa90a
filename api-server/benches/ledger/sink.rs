//! HTTP alone: a server of the same kind that reads requests and answers them with nothing behind it,
//! in a process of its own. What the machine can do at most, and what a flood's clients cost.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::Bytes;

/// What the program answers of one event.
const ANSWER: &str = r#"{"accepted":1,"duplicates":0,"rejected":[],"ledger":{"from":1,"to":1}}"#;

/// The program that runs here, as a sink. It ends with its owner.
pub struct Sink {
    child: Child,
    pub url: String,
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sink {
    pub fn start() -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.arg("--sink").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut address = String::new();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        told.read_line(&mut address).unwrap();
        Self { child, url: format!("http://{}", address.trim()) }
    }
}

/// Serves until standard input ends: its owner is gone.
pub async fn serve() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::thread::spawn(|| {
        let _ended = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let answer = |_: Bytes| async { ([("content-type", "application/json")], ANSWER) };
    axum::serve(listener, Router::new().fallback(answer)).await.unwrap();
}
