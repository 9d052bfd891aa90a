//! A client that costs little beside what it measures: requests are bytes that were made before, and
//! of an answer only its status is looked at.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection, which is kept.
pub struct Wire {
    address: String,
    stream: TcpStream,
    read: Vec<u8>,
}

/// A request as it goes over the wire.
pub fn request(token: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST /usage/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

impl Wire {
    /// Connects to a server, named by its URL.
    pub async fn open(url: &str) -> Result<Self> {
        let address = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { address, stream, read: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request; the status of its answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = answer(&self.read[..head])?;
        while self.read.len() < head + length {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(status)
    }

    /// As [`Self::send`], on a new connection when the server has ended this one, as it may when it
    /// refuses what it did not read.
    pub async fn insist(&mut self, request: &[u8]) -> Result<u16> {
        loop {
            match self.send(request).await {
                Ok(status) => return Ok(status),
                Err(_) => *self = Self::open(&self.address).await?,
            }
        }
    }
}

/// Status and length of what follows.
fn answer(head: &[u8]) -> Result<(u16, usize)> {
    let wrong = || Error::new(ErrorKind::InvalidData, String::from_utf8_lossy(head).into_owned());
    let head = std::str::from_utf8(head).map_err(|_| wrong())?;
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(wrong)?;
    let length = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.next().and_then(|(_, value)| value.trim().parse().ok());
    Ok((status, length.ok_or_else(wrong)?))
}
