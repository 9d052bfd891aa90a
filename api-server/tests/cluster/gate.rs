//! A way to somewhere that can be shut.

use std::sync::{Arc, Mutex};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Forwards connections; while it is shut, none live.
pub struct Gate {
    pub address: String,
    open: Arc<watch::Sender<bool>>,
    target: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gate {
    pub async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let open = Arc::new(watch::Sender::new(true));
        let target = Arc::new(Mutex::new(target));
        let (seen, towards) = (open.clone(), target.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (target, mut shut) = (towards.lock().unwrap().clone(), seen.subscribe());
                if *shut.borrow() {
                    tokio::spawn(async move {
                        tokio::select! {
                            () = forward(stream, &target) => {}
                            _ = shut.wait_for(|open| !open) => {}
                        }
                    });
                }
            }
        });
        Self { address, open, target, task }
    }

    /// New connections lead there.
    pub fn lead_to(&self, target: String) {
        *self.target.lock().unwrap() = target;
    }

    pub fn set(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn forward(mut stream: TcpStream, target: &str) {
    if let Ok(mut to) = TcpStream::connect(target).await {
        let _ended = tokio::io::copy_bidirectional(&mut stream, &mut to).await;
    }
}
