//! All the programs: operator, API server and gateways as processes, each on its own way through a
//! gate, on a control plane whose own programs may end too.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crds::manifest::RELEASE_NAMESPACE;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::block_in_place;

use super::{
    plan::{Kind, Round, Victim},
    plane::{Program, signal},
    run::BOUND,
    senders::Sender,
};
use crate::{
    gate::Gate,
    gateway::Running,
    lab::{Lab, holds, within},
    port::free_port,
    serving::{Serving, client},
};

/// Rounds follow within seconds, and so do the figures of a status.
const OFTEN: [&str; 4] = ["--snapshot-interval", "2", "--status-interval", "1"];

/// The operator's program. Cargo makes it with the tests of this name in its own package.
fn operator() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_api-server")).with_file_name("tenantry-operator");
    assert!(beside.exists(), "{} is missing: build the whole workspace", beside.display());
    beside
}

/// The operator; it ends with its owner.
pub struct Operator {
    child: Child,
    health: String,
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Operator {
    pub fn start(kubeconfig: &Path, log: &Path) -> Self {
        let health = format!("127.0.0.1:{}", free_port());
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(operator())
            .args(["--health-address", &health])
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, health }
    }

    /// Whether it leads.
    async fn leads(&self) -> Result<(), String> {
        let answer = client().get(format!("http://{}/metrics", self.health)).send().await;
        let text = answer.map_err(|error| error.to_string())?.text().await;
        let text = text.map_err(|error| error.to_string())?;
        let leads =
            |line: &str| line.starts_with("tenantry_operator_leader") && line.ends_with(" 1");
        holds(text.lines().any(leads), "the operator does not lead")
    }
}

/// A tenant's gateway, where its pods reach it, and its way to the control plane.
struct Gateway {
    tenant: String,
    folder: PathBuf,
    process: Running,
    door: Gate,
    way: Gate,
}

fn place_of(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

impl Gateway {
    fn run(tenant: &str, folder: &Path, way: &Gate) -> Running {
        let path = |name: &str| folder.join(name).display().to_string();
        let (spool, token) = (path("spool"), path("token"));
        let plane = format!("http://{}", way.address);
        let who = ["gateway", "--tenant", tenant, "--spool", &spool, "--token-file", &token];
        let addresses = ["--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"];
        block_in_place(|| {
            Running::start(&[&who[..], &addresses, &["--control-plane", &plane]].concat(), &[])
        })
    }

    async fn start(lab: &Lab, tenant: &str, folder: PathBuf, plane: &Gate) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        let token = lab.token(tenant, "tenantry-gateway", "tenantry-gateway").await;
        std::fs::write(folder.join("token"), token).unwrap();
        let way = Gate::to(plane.address.clone()).await;
        let process = Self::run(tenant, &folder, &way);
        let door = Gate::to(place_of(&process.url)).await;
        Self { tenant: tenant.to_owned(), folder, process, door, way }
    }

    fn again(&mut self) {
        self.process = Self::run(&self.tenant, &self.folder, &self.way);
        self.door.lead_to(place_of(&self.process.url));
    }
}

/// What a Prometheus would read: which program, where, and in which namespace that would be.
pub struct Target {
    pub service: &'static str,
    pub address: String,
    pub namespace: String,
}

/// Everything.
pub struct Parts {
    gateways: Vec<Gateway>,
    server: Serving,
    operator: Operator,
    /// Where the API server is reached.
    front: Gate,
    /// How the API server and the operator reach the cluster.
    ways: [Gate; 2],
    kubeconfigs: [PathBuf; 2],
    programs: [Program; 2],
    folder: TempDir,
    /// Goes last: the others are on it.
    pub lab: Lab,
}

impl Parts {
    /// Tenants, the first of them with gateways, all as the operator makes them.
    pub async fn start(tenants: usize, gateways: usize) -> (Self, Vec<Sender>) {
        let lab = Lab::new().await;
        let folder = tempfile::tempdir().unwrap();
        let ways = [Gate::to(lab.address()).await, Gate::to(lab.address()).await];
        let kubeconfigs = [
            lab.kubeconfig_by(&format!("https://{}", ways[0].address)),
            lab.operators_kubeconfig_by(&format!("https://{}", ways[1].address)).await,
        ];
        let server = block_in_place(|| lab.serve_by(&kubeconfigs[0], &OFTEN));
        let front = Gate::to(place_of(&server.api)).await;
        let operator = Operator::start(&kubeconfigs[1], &folder.path().join("operator.log"));
        let control = |name| Program::of(lab.ground().folder(), name);
        let programs = [control("kube-apiserver"), control("etcd")];
        let gateways_of = gateways;
        let mut parts = Self {
            gateways: Vec::new(),
            server,
            operator,
            front,
            ways,
            kubeconfigs,
            programs,
            folder,
            lab,
        };
        let names: Vec<String> = (0..tenants).map(|number| format!("tenant-{number:02}")).collect();
        for name in &names {
            parts.lab.tenant(name, json!({})).await;
        }
        let mut senders = Vec::new();
        for (number, name) in names.into_iter().enumerate() {
            // Who begins before the ledger knows it asks again only after a while.
            within(BOUND, &format!("the stack of {name}, told of"), async || {
                parts.supervise();
                let status = parts.lab.get(&name).await.status.unwrap_or_default();
                let is_known = status.identity.is_some() && status.display.is_some();
                holds(is_known, format!("{status:?}"))
            })
            .await;
            let direct = number >= gateways_of;
            let mut door = parts.front.address.clone();
            if !direct {
                let place = parts.folder.path().join(&name);
                let gateway = Gateway::start(&parts.lab, &name, place, &parts.front).await;
                door.clone_from(&gateway.door.address);
                parts.gateways.push(gateway);
            }
            let token = parts.lab.token(&name, "core", "tenantry-usage").await;
            senders.push(Sender { tenant: name, door, token, direct });
        }
        (parts, senders)
    }

    fn serve(&mut self) {
        self.server = block_in_place(|| self.lab.serve_by(&self.kubeconfigs[0], &OFTEN));
        self.front.lead_to(place_of(&self.server.api));
    }

    fn operate(&mut self) {
        self.operator = Operator::start(&self.kubeconfigs[1], &self.log());
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("operator.log")
    }

    /// The API server.
    pub fn server(&self) -> &Serving {
        &self.server
    }

    /// The fault begins.
    pub fn strike(&mut self, round: &Round) {
        block_in_place(|| match (round.victim, round.kind) {
            (Victim::ApiServer, Kind::Killed) => self.server.kill(),
            (Victim::ApiServer, Kind::Stopped) => drop(self.server.stop()),
            (Victim::ApiServer, Kind::Frozen) => signal(self.server.child.id(), "STOP"),
            (Victim::ApiServer, Kind::Cut) => self.front.set(false),
            (Victim::Gateway, kind) => self.gateways[round.gateway].strike(kind),
            (Victim::Operator, Kind::Killed) => drop(self.operator.child.kill()),
            (Victim::Operator, Kind::Stopped) => signal(self.operator.child.id(), "TERM"),
            (Victim::Operator, Kind::Frozen) => signal(self.operator.child.id(), "STOP"),
            (Victim::Operator, Kind::Cut) => self.ways[1].set(false),
            (Victim::Kubernetes, Kind::Cut) => self.ways.iter().for_each(|way| way.set(false)),
            (victim, kind) => self.program(victim).strike(kind),
        });
    }

    fn program(&self, victim: Victim) -> &Program {
        &self.programs[usize::from(victim == Victim::Etcd)]
    }

    /// The fault ends.
    pub fn heal(&mut self, round: &Round) {
        match (round.victim, round.kind) {
            (Victim::ApiServer, Kind::Killed | Kind::Stopped) => self.serve(),
            (Victim::ApiServer, Kind::Frozen) => signal(self.server.child.id(), "CONT"),
            (Victim::ApiServer, Kind::Cut) => self.front.set(true),
            (Victim::Gateway, kind) => self.gateways[round.gateway].heal(kind),
            (Victim::Operator, Kind::Killed | Kind::Stopped) => self.operate(),
            (Victim::Operator, Kind::Frozen) => signal(self.operator.child.id(), "CONT"),
            (Victim::Operator, Kind::Cut) => self.ways[1].set(true),
            (Victim::Kubernetes, Kind::Cut) => self.ways.iter().for_each(|way| way.set(true)),
            (victim, kind) => self.program(victim).heal(kind),
        }
    }

    /// Does as a kubelet would: what has ended is started again. The operator ends by itself when it
    /// has lost its lease.
    pub fn supervise(&mut self) {
        if self.operator.child.try_wait().unwrap().is_some() {
            self.operate();
        }
        assert!(self.server.child.try_wait().unwrap().is_none(), "the API server ended by itself");
        for gateway in &mut self.gateways {
            let ended = gateway.process.child.try_wait().unwrap();
            assert!(ended.is_none(), "the gateway of {} ended by itself", gateway.tenant);
        }
    }

    /// The last that the API server complained of.
    pub fn complaints(&self) -> String {
        let all = self.server.log();
        let is_one = |line: &&String| line.contains("WARN") || line.contains("ERROR");
        let last: Vec<&str> = all.iter().filter(is_one).map(String::as_str).collect();
        last[last.len().saturating_sub(20)..].join("\n")
    }

    /// Whether the operator leads.
    pub async fn is_led(&self) -> Result<(), String> {
        self.operator.leads().await.map_err(|why| {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            format!("{why}\n{}", lines[lines.len().saturating_sub(8)..].join("\n"))
        })
    }

    /// Whether no gateway holds anything back.
    pub async fn handed_over(&self) -> Result<(), String> {
        for gateway in &self.gateways {
            let status = gateway.process.status().await;
            holds(status["held"]["events"] == 0, format!("{}: {status}", gateway.tenant))?;
        }
        Ok(())
    }

    /// Whose metrics there are to read.
    pub fn scraped(&self) -> Vec<Target> {
        let of = |service, address: &str, namespace: &str| {
            let (address, namespace) = (address.to_owned(), namespace.to_owned());
            Target { service, address, namespace }
        };
        let mut all = vec![
            of("operator", &self.operator.health, RELEASE_NAMESPACE),
            of("api-server", &self.server.health, RELEASE_NAMESPACE),
        ];
        for gateway in &self.gateways {
            let namespace = format!("tenant-{}", gateway.tenant);
            all.push(of("gateway", &gateway.process.health, &namespace));
        }
        all
    }

    /// The tenants as `kubectl` has them.
    pub fn kubectl(&self) -> Value {
        let text = block_in_place(|| self.lab.ground().kubectl(&["get", "tenants", "-o", "json"]));
        serde_json::from_str(&text).unwrap()
    }

    /// Stops the API server and runs a subcommand on its ledger.
    pub fn afterwards(&mut self, arguments: &[&str]) -> String {
        block_in_place(|| {
            if self.server.child.try_wait().unwrap().is_none() {
                let (status, log) = self.server.stop();
                assert!(status.success(), "{log}");
            }
            let done = self.lab.place.run(arguments);
            assert!(done.status.success(), "{arguments:?}: {done:?}");
            String::from_utf8(done.stdout).unwrap()
        })
    }
}

impl Gateway {
    fn strike(&mut self, kind: Kind) {
        match kind {
            Kind::Killed => self.process.kill(),
            Kind::Stopped => assert!(self.process.terminate(), "the gateway stops well"),
            Kind::Frozen => signal(self.process.child.id(), "STOP"),
            Kind::Cut => self.way.set(false),
        }
    }

    fn heal(&mut self, kind: Kind) {
        match kind {
            Kind::Killed | Kind::Stopped => self.again(),
            Kind::Frozen => signal(self.process.child.id(), "CONT"),
            Kind::Cut => self.way.set(true),
        }
    }
}

impl Program {
    fn strike(&self, kind: Kind) {
        match kind {
            Kind::Killed | Kind::Stopped => self.kill(),
            Kind::Frozen | Kind::Cut => self.signal("STOP"),
        }
    }

    fn heal(&self, kind: Kind) {
        match kind {
            Kind::Killed | Kind::Stopped => self.start(),
            Kind::Frozen | Kind::Cut => self.signal("CONT"),
        }
    }
}
