//! Who receives webhooks: a server of its own over https, in threads, that remembers what it got and
//! answers as it is told.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use sha2::Sha256;

/// The name in the certificate, beside `localhost` and 127.0.0.1.
pub const NAME: &str = "hooks.test";

/// What an authority signed: its certificate, and the server's with its key, as PEM.
struct Identity {
    ca: String,
    certificate: String,
    key: String,
}

/// Made once, by openssl.
fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let make = |arguments: &[&str]| {
            let mut openssl = Command::new("openssl");
            openssl.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            openssl.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]);
            openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]).args(arguments);
            assert!(openssl.status().expect("openssl makes the keys").success());
        };
        make(&["-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt"]);
        let names = format!("subjectAltName=DNS:{NAME},DNS:localhost,IP:127.0.0.1,IP:127.0.0.2");
        let plain = "basicConstraints=critical,CA:FALSE";
        make(&[
            "-subj",
            "/CN=hooks",
            "-keyout",
            "hooks.key",
            "-out",
            "hooks.crt",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-addext",
            plain,
            "-addext",
            &names,
        ]);
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        Identity { ca: read("ca.crt"), certificate: read("hooks.crt"), key: read("hooks.key") }
    })
}

/// The authority that vouches for every receiver, as PEM.
pub fn authority() -> &'static str {
    &identity().ca
}

/// Writes `authority.pem`, `certificate.pem` and `key.pem` into a folder, for a server that is a program of
/// its own.
#[allow(dead_code, reason = "the tests of processes use it")]
pub fn written(folder: &Path) {
    let Identity { ca, certificate, key } = identity();
    for (name, pem) in [("authority", ca), ("certificate", certificate), ("key", key)] {
        std::fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
    }
}

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let mut all = self.headers.iter().filter(|(known, _)| known == name);
        let (Some((_, value)), None) = (all.next(), all.next()) else {
            panic!("not one {name}: {:?}", self.headers)
        };
        value
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn timestamp(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    /// How many of its signatures are of a secret, as the specification has it.
    pub fn signed_by(&self, secret: &str) -> usize {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let text = format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body);
        mac.update(text.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').filter(|one| *one == expected).count()
    }
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With a status, and lines of further headers.
    Status(u16, &'static str),
    /// By cutting the connection before anything is read: as if nobody were there.
    Away,
    /// Not at all, and the connection stays.
    Never,
}

#[derive(Default)]
struct Shared {
    got: Mutex<Vec<Got>>,
    news: Condvar,
    replies: Mutex<VecDeque<Reply>>,
    usual: Mutex<Option<Reply>>,
    connections: Mutex<usize>,
    /// Connections that are not answered, kept open.
    kept: Mutex<Vec<StreamOwned<ServerConnection, TcpStream>>>,
}

/// A receiver; its threads end with the process.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    pub fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    /// On an address of this machine.
    pub fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let config = Arc::new(config());
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, shared) = (config.clone(), served.clone());
                std::thread::spawn(move || serve(stream, config, &shared));
            }
        });
        Self { address, shared }
    }

    /// Its URL by the name that its certificate has.
    pub fn url(&self) -> String {
        format!("https://{NAME}:{}/hook?token=t0ken", self.address.port())
    }

    /// Answers the next requests so; then as usual, which is 204.
    pub fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.replies.lock().unwrap().extend(replies);
    }

    /// Answers so from now on.
    pub fn usually(&self, reply: Reply) {
        *self.shared.usual.lock().unwrap() = Some(reply);
    }

    /// All that arrived.
    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Waits until so many have arrived.
    pub fn wait(&self, count: usize) -> Vec<Got> {
        let got = self.shared.got.lock().unwrap();
        let limit = Duration::from_secs(240);
        let few = |got: &mut Vec<Got>| got.len() < count;
        let (got, late) = self.shared.news.wait_timeout_while(got, limit, few).unwrap();
        assert!(!late.timed_out(), "{} of {count} arrived: {got:?}", got.len());
        got.clone()
    }
}

/// What a server of ours says of itself, so that who trusts [`authority`] trusts it.
pub fn config() -> ServerConfig {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity = identity();
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let builder = ServerConfig::builder().with_no_client_auth();
    builder.with_single_cert(vec![certificate], key).unwrap()
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, shared: &Shared) {
    *shared.connections.lock().unwrap() += 1;
    let next = shared.replies.lock().unwrap().pop_front();
    let usual = || shared.usual.lock().unwrap().clone();
    let reply = next.or_else(usual).unwrap_or(Reply::Status(204, ""));
    if matches!(reply, Reply::Away) {
        return;
    }
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let Some(got) = read(&mut stream) else { return };
    // Before the answer: whoever has it may ask at once what arrived.
    shared.got.lock().unwrap().push(got);
    shared.news.notify_all();
    if let Reply::Status(status, headers) = reply {
        let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: 2\r\n\r\nno");
        let head = if status == 204 { "HTTP/1.1 204 X\r\n\r\n".to_owned() } else { head };
        let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.flush());
        stream.conn.send_close_notify();
        let _gone = stream.flush();
    } else {
        shared.kept.lock().unwrap().push(stream);
    }
}

/// A request; none from who goes away, or does not believe the certificate.
fn read(stream: &mut StreamOwned<ServerConnection, TcpStream>) -> Option<Got> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut next = |reader: &mut BufReader<_>| {
        line.clear();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let first = next(&mut reader)?;
    let path = first.strip_prefix("POST ")?.strip_suffix(" HTTP/1.1")?.to_owned();
    let mut headers = Vec::new();
    loop {
        let line = next(&mut reader)?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?;
    let mut body = vec![0; length.1.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Got { path, headers, body: String::from_utf8(body).ok()? })
}
