//! The API server behind a certificate that nobody trusts unasked, as an Ingress of one's own authority gives it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::receiver;

/// Takes TLS off and hands each request on to a server of this machine; its threads end with the process.
pub fn front(server: &str) -> SocketAddr {
    let target = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = Arc::new(receiver::config());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (config, target) = (config.clone(), target.clone());
            // Who does not trust the certificate goes away, which is no failure here.
            std::thread::spawn(move || hand_on(stream, config, &target));
        }
    });
    address
}

/// One request without a body, and its answer.
fn hand_on(stream: TcpStream, config: Arc<ServerConfig>, target: &str) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut to = TcpStream::connect(target)?;
    // So that the answer is over when the connection is.
    to.write_all(&[&head[..head.len() - 2], b"connection: close\r\n\r\n"].concat())?;
    std::io::copy(&mut to, &mut tls)?;
    tls.conn.send_close_notify();
    tls.flush()
}
