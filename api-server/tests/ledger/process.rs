//! A ledger in a process of its own, which can be killed, starved and lied to.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use api_server::{
    domain::{Quantity, meter::Meter},
    ledger::{Item, Ledger, Outcome, Settings},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::ground::{account, dump, open, usage};

const FOLDER: &str = "TENANTRY_TEST_LEDGER";

/// Serves the ledger in the folder that the environment names, until its standard input ends.
/// Each line of a connection is a request, `id:micros,id:micros…`; it is answered by a line of one
/// letter per item, or by `error …`. The line `rows` is answered by how many rows there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is run by other tests as a process of its own"]
async fn child() {
    let folder = std::env::var(FOLDER).expect("is run by other tests");
    let ledger = open(Path::new(&folder), Settings::default()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\nready {}", listener.local_addr().unwrap().port());
    std::thread::spawn(|| {
        while std::io::stdin().read_line(&mut String::new()).is_ok_and(|n| n > 0) {}
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(ledger.clone(), stream));
    }
}

async fn serve(ledger: Ledger, stream: TcpStream) {
    let (reading, mut writing) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(reading).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match line.as_str() {
            "rows" => dump(&ledger, "SELECT COUNT(*) FROM usage_ledger").await[0][0].clone(),
            _ => append(&ledger, &line).await,
        };
        if writing.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn append(ledger: &Ledger, line: &str) -> String {
    let item = |text: &str| {
        let (id, micros) = text.split_once(':').unwrap();
        let mut event = usage("acme", id, Meter::Query, super::ground::NOW, "0");
        event.quantity = Quantity::from_micros(micros.parse().unwrap());
        Item::Usage(event)
    };
    let request = api_server::ledger::Append {
        account: account("acme"),
        arrived: super::ground::at(super::ground::NOW),
        atomic: false,
        items: line.split(',').map(item).collect(),
    };
    match ledger.append(request).await {
        Err(error) => format!("error {error:?}").replace('\n', " "),
        Ok(receipt) => {
            let letter = |outcome: &Outcome| match outcome {
                Outcome::Accepted { .. } => 'a',
                Outcome::Duplicate { .. } => 'd',
                Outcome::Conflict { .. } => 'c',
                Outcome::Refused(_) => 'r',
            };
            receipt.outcomes.iter().map(letter).collect()
        }
    }
}

/// A running child; it ends with its owner.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    /// Starts a child on a folder, behind a command that runs it (`strace …`), if any.
    pub fn start(folder: &Path, behind: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        let (_, module) = module_path!().split_once("::").unwrap();
        let child = format!("{module}::child");
        let ours = [program, &child, "--exact", "--ignored", "--nocapture"];
        let all: Vec<_> = behind.iter().copied().chain(ours).collect();
        let mut child = Command::new(all[0])
            .args(&all[1..])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| line.unwrap().strip_prefix("ready ").map(str::to_owned))
            .expect("the child did not start");
        // What it prints later is nobody's business, but the pipe must not fill or break.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port: port.parse().unwrap() }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

pub struct Client {
    lines: tokio::io::Lines<tokio::io::BufReader<tokio::net::tcp::OwnedReadHalf>>,
    writing: tokio::net::tcp::OwnedWriteHalf,
}

impl Client {
    pub async fn connect(port: u16) -> std::io::Result<Self> {
        let (reading, writing) = TcpStream::connect(("127.0.0.1", port)).await?.into_split();
        Ok(Self { lines: tokio::io::BufReader::new(reading).lines(), writing })
    }

    /// Sends a line; `None` when there is no answer, so that nobody knows what became of it.
    pub async fn ask(&mut self, line: &str) -> Option<String> {
        self.writing.write_all(format!("{line}\n").as_bytes()).await.ok()?;
        self.lines.next_line().await.ok()?
    }
}
