//! A reverse proxy between the operator and the API server that answers, withholds and cuts as a
//! test says. It adds nothing of its own: the operator's token is forwarded as it came, so that its
//! real rights stay in force.

mod gate;
mod plan;
mod route;
pub mod wire;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{AsyncBufReadExt, StreamExt};
use kube::{Client, Config, client::Body, config::Kubeconfig};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

pub use gate::{Gate, When};
pub use plan::{Fault, Plan};
pub use route::Asked;
use wire::{Request, Wire};

/// A running proxy; it ends when dropped.
pub struct Proxy {
    plan: Arc<Plan>,
    kubeconfig: PathBuf,
    _stop: oneshot::Sender<()>,
}

impl Proxy {
    /// Starts one in front of the server of `kubeconfig`; writes another kubeconfig that leads to it.
    pub fn start(kubeconfig: &Path) -> Self {
        let plan = Arc::new(Plan::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let text = std::fs::read_to_string(kubeconfig).expect("the kubeconfig is read");
        let (shared, upstream) = (plan.clone(), text.clone());
        // A thread of its own: a test that waits for a program must not stop the traffic.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let client = anonymous(&upstream).await;
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                tell.send(listener.local_addr().expect("an address")).expect("the test waits");
                tokio::select! {
                    () = accept(listener, client, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = told.recv().expect("the proxy starts");
        let mut config: Value = serde_saphyr::from_str(&text).expect("YAML");
        config["clusters"][0]["cluster"] = json!({ "server": format!("http://{address}") });
        let path = kubeconfig.with_extension(format!("{}.proxied", address.port()));
        std::fs::write(&path, config.to_string()).expect("written");
        Self { plan, kubeconfig: path, _stop: stop }
    }

    /// The kubeconfig that leads through it.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Every request that matches meets this fault, until healed.
    pub fn always(&self, fault: Fault, which: impl Fn(&Asked) -> bool + Send + 'static) {
        self.plan.add(usize::MAX, Box::new(which), fault);
    }

    /// The first `times` requests that match meet this fault.
    pub fn first(
        &self,
        times: usize,
        fault: Fault,
        which: impl Fn(&Asked) -> bool + Send + 'static,
    ) {
        self.plan.add(times, Box::new(which), fault);
    }

    /// Watches that match deliver nothing any more, and say nothing of it, until released.
    pub fn hold(&self, which: impl Fn(&Asked) -> bool + Send + 'static) {
        self.plan.held(Some(Box::new(which)));
    }

    /// Watches go on.
    pub fn release(&self) {
        self.plan.held(None);
    }
}

impl std::ops::Deref for Proxy {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

/// A client that trusts the server and is nobody: who asks is said by the requests themselves.
async fn anonymous(kubeconfig: &str) -> Client {
    let mut file: Value = serde_saphyr::from_str(kubeconfig).expect("YAML");
    file["users"][0]["user"] = json!({});
    let file: Kubeconfig = serde_json::from_value(file).expect("a kubeconfig");
    let mut config =
        Config::from_custom_kubeconfig(file, &Default::default()).await.expect("it is valid");
    config.default_retry = false;
    config.read_timeout = None;
    Client::try_from(config).expect("a client")
}

async fn accept(listener: TcpListener, client: Client, plan: Arc<Plan>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (client, plan) = (client.clone(), plan.clone());
        tokio::spawn(async move {
            // A connection that breaks is no news here.
            let _broken = serve(stream, &client, &plan).await;
        });
    }
}

/// One connection, until the client leaves or a fault cuts it.
async fn serve(stream: TcpStream, client: &Client, plan: &Plan) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    while let Some(request) = wire.request().await? {
        let asked = Asked::parse(&request.method, &request.target).with(&request.body);
        let go_on = match plan.meets(&asked) {
            Some(Fault::Refuse(code)) => refuse(&mut wire, code).await?,
            Some(Fault::Hang) => {
                wire.hung_up().await;
                false
            }
            Some(Fault::Hold(gate, when)) => {
                hold(&mut wire, client, plan, (gate, when), &asked, request).await?
            }
            Some(Fault::Cut) => false,
            Some(Fault::Late) => late(&mut wire, client, plan, request).await?,
            Some(Fault::Gone) => gone(&mut wire).await?,
            Some(Fault::Recorded(list)) => {
                wire.answer(200, "", list.to_string().as_bytes()).await?;
                true
            }
            _ if asked.verb == "watch" => {
                let id = plan.opened(asked.clone());
                let result = watch(&mut wire, client, plan, (id, &asked), request).await;
                plan.closed(id);
                result?
            }
            Some(Fault::CutAfterCreate | Fault::CutAfterWrite) | None => {
                forward(&mut wire, client, plan, &asked, request).await?
            }
        };
        if !go_on {
            return Ok(());
        }
    }
    Ok(())
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

async fn refuse(wire: &mut Wire, code: u16) -> std::io::Result<bool> {
    let body = status(code, "TooManyRequests", "refused by the test").to_string();
    let headers = if code == 429 { "retry-after: 86400\r\n" } else { "" };
    wire.answer(code, headers, body.as_bytes()).await?;
    Ok(true)
}

async fn gone(wire: &mut Wire) -> std::io::Result<bool> {
    let event = json!({ "type": "ERROR",
        "object": status(410, "Expired", "too old resource version: 1 (2)") });
    wire.begin().await?;
    wire.chunk(format!("{event}\n").as_bytes()).await?;
    wire.chunk(b"").await?;
    Ok(true)
}

fn upstream<B>(request: Request, body: impl FnOnce(Vec<u8>) -> B) -> http::Request<B> {
    let mut builder = http::Request::builder().method(request.method.as_str()).uri(request.target);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    builder.body(body(request.body)).expect("a request")
}

/// Everything but a watch.
async fn forward(
    wire: &mut Wire,
    client: &Client,
    plan: &Plan,
    asked: &Asked,
    request: Request,
) -> std::io::Result<bool> {
    let answer = client.send(upstream(request, Body::from)).await;
    let answer = answer.map_err(std::io::Error::other)?;
    let code = answer.status().as_u16();
    let body = answer.into_body().collect_bytes().await.map_err(std::io::Error::other)?;
    if plan.withholds(asked, code, &body) {
        return Ok(false);
    }
    wire.answer(code, "", &body).await?;
    Ok(true)
}

/// What arrives when the test says so.
async fn late(
    wire: &mut Wire,
    client: &Client,
    plan: &Plan,
    request: Request,
) -> std::io::Result<bool> {
    let mut changes = plan.changes.subscribe();
    while !plan.is_let_through() {
        let _moved = changes.changed().await;
    }
    let answer = client.send(upstream(request, Body::from)).await;
    let answer = answer.map_err(std::io::Error::other)?;
    let code = answer.status().as_u16();
    let body = answer.into_body().collect_bytes().await.map_err(std::io::Error::other)?;
    plan.came_late(code);
    wire.answer(code, "", &body).await?;
    Ok(true)
}

/// The write that a gate waits for. Its writer is left without an answer until it ends.
async fn hold(
    wire: &mut Wire,
    client: &Client,
    plan: &Plan,
    (gate, when): (usize, When),
    asked: &Asked,
    request: Request,
) -> std::io::Result<bool> {
    match when {
        When::Before => {
            plan.arrived(gate, None);
        }
        When::After => {
            let answer = client.send(upstream(request, Body::from)).await;
            let answer = answer.map_err(std::io::Error::other)?;
            let code = answer.status().as_u16();
            let body = answer.into_body().collect_bytes().await.map_err(std::io::Error::other)?;
            if !plan.arrived(gate, Some(code)) {
                wire.answer(code, "", &body).await?;
                return Ok(true);
            }
        }
    }
    if !gate::shares_places(asked) {
        wire.hung_up().await;
    }
    Ok(false)
}

/// A watch, line by line.
async fn watch(
    wire: &mut Wire,
    client: &Client,
    plan: &Plan,
    (id, asked): (u64, &Asked),
    request: Request,
) -> std::io::Result<bool> {
    let mut changes = plan.changes.subscribe();
    let stream = match client.request_stream(upstream(request, |body| body)).await {
        Ok(stream) => stream,
        Err(kube::Error::Api(refused)) => {
            let body = status(refused.code, &refused.reason, &refused.message).to_string();
            wire.answer(refused.code, "", body.as_bytes()).await?;
            return Ok(true);
        }
        Err(error) => return Err(std::io::Error::other(error)),
    };
    let mut lines = stream.lines();
    wire.begin().await?;
    loop {
        let line = tokio::select! {
            line = lines.next() => Some(line),
            _ = changes.changed() => None,
        };
        // What came before the hold was noticed is held too, and lost with a cut.
        while plan.is_held(asked) && plan.is_open(id) {
            let _moved = changes.changed().await;
        }
        match line {
            _ if !plan.is_open(id) => return Ok(false),
            Some(Some(line)) => wire.chunk(format!("{}\n", line?).as_bytes()).await?,
            Some(None) => {
                wire.chunk(b"").await?;
                return Ok(true);
            }
            None => {}
        }
    }
}
