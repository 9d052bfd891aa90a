//! As much of HTTP/1.1 as a Kubernetes client speaks, by hand: a fault is often what a whole server
//! library would not let us do.

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A request as it came.
pub struct Request {
    pub method: String,
    pub target: String,
    /// Those that matter to the API server.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One client's connection.
pub struct Wire(BufReader<TcpStream>);

const FORWARDED: [&str; 4] = ["authorization", "content-type", "accept", "user-agent"];

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// The next request; `None` when the client has gone.
    pub async fn request(&mut self) -> std::io::Result<Option<Request>> {
        let first = self.line().await?;
        let mut words = first.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let (mut headers, mut length) = (Vec::new(), 0);
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            assert_ne!(name, "transfer-encoding", "requests come with their length");
            if name == "content-length" {
                length = value.parse().map_err(std::io::Error::other)?;
            }
            if FORWARDED.contains(&name.as_str()) {
                headers.push((name, value));
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok(Some(Request { method, target, headers, body }))
    }

    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        Ok(line.trim_end().to_owned())
    }

    /// A whole answer.
    pub async fn answer(&mut self, code: u16, headers: &str, body: &[u8]) -> std::io::Result<()> {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {code} Answer\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
        );
        self.0.write_all(&[head.as_bytes(), body].concat()).await?;
        self.0.flush().await
    }

    /// The head of an answer that comes in chunks.
    pub async fn begin(&mut self) -> std::io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        self.0.write_all(head.as_bytes()).await?;
        self.0.flush().await
    }

    /// One chunk; an empty one ends the answer.
    pub async fn chunk(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let head = format!("{:x}\r\n", bytes.len());
        self.0.write_all(&[head.as_bytes(), bytes, b"\r\n"].concat()).await?;
        self.0.flush().await
    }

    /// Returns when the client has hung up; it must not have asked anything else.
    pub async fn hung_up(&mut self) {
        // An error is an end too.
        let _gone = self.0.fill_buf().await;
    }
}
