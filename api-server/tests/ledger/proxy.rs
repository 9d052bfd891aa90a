//! What stands between a server and its database, and cuts connections where a test wants it.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use api_server::store::Place;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
    sync::watch,
};

use crate::cluster;

/// Where the next COMMIT's connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Before the database has it.
    Before,
    /// After the database has answered it, and before that is passed on.
    After,
}

pub struct Proxy {
    port: u16,
    cut: Arc<Mutex<Option<Cut>>>,
    open: watch::Sender<bool>,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(Mutex::new(None));
        let open = watch::channel(true).0;
        let (shared, gate) = (cut.clone(), open.subscribe());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if *gate.borrow() {
                    let (cut, mut gate) = (shared.clone(), gate.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = pass(client, &cut) => {}
                            _ = gate.wait_for(|open| !open) => {}
                        }
                    });
                }
            }
        });
        Self { port, cut, open }
    }

    /// The database of a folder, through here.
    pub fn place(&self, folder: &Path) -> Place {
        let database = self.url(folder, "tenantry").parse().unwrap();
        Place::Postgres { database, folder: folder.to_owned() }
    }

    /// Its URL for `user`, or `user:password`. A socket behind it has no TLS.
    pub fn url(&self, folder: &Path, user: &str) -> String {
        let name = cluster::database(folder);
        format!("postgresql://{user}@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    pub fn cut_at_commit(&self, cut: Cut) {
        *self.cut.lock().unwrap() = Some(cut);
    }

    /// Whether connections pass; those that do not are cut.
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn pass(mut client: tokio::net::TcpStream, cut: &Mutex<Option<Cut>>) {
    let socket = cluster::socket().join(format!(".s.PGSQL.{}", cluster::port()));
    let mut server = UnixStream::connect(socket).await.unwrap();
    let (mut asked, mut told) = (vec![0; 65_536], vec![0; 65_536]);
    let mut cutting = false;
    loop {
        tokio::select! {
            n = some(&mut client, &mut asked) => {
                let Some(n) = n else { return };
                if asked[..n].windows(7).any(|bytes| bytes == b"COMMIT\0") {
                    match cut.lock().unwrap().take() {
                        Some(Cut::Before) => return,
                        Some(Cut::After) => cutting = true,
                        None => {}
                    }
                }
                if server.write_all(&asked[..n]).await.is_err() { return }
            }
            n = some(&mut server, &mut told) => {
                let Some(n) = n else { return };
                if cutting || client.write_all(&told[..n]).await.is_err() { return }
            }
        }
    }
}

async fn some(from: &mut (impl AsyncRead + Unpin), bytes: &mut [u8]) -> Option<usize> {
    from.read(bytes).await.ok().filter(|n| *n > 0)
}
