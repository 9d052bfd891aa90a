//! The operator at scale, on a real Kubernetes with simulated nodes, against a program that writes
//! the same objects in the same run. `scripts/bench.sh fleet` runs it.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table and progress")]
#![allow(clippy::float_arithmetic, reason = "seconds and ratios, no money")]
#![allow(clippy::large_futures, reason = "few of them, and short-lived")]

mod audit;
mod drift;
mod lab;
mod poison;
mod raw;
mod table;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use audit::{Audit, Write};
use clap::{Parser, ValueEnum};
use crds::{DeploymentProfileSpec, Tenant};
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Client};
use lab::{Ground, Operator};
use operator::kinds::Kind;
use serde_json::{Value, json};
use table::Table;

#[derive(Parser)]
struct Options {
    /// How many tenants.
    #[arg(long, default_value_t = 1000)]
    tenants: usize,
    /// Also write the rows here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many changes by hand.
    #[arg(long, default_value_t = 200)]
    edits: usize,
    /// What is measured; all of it without this. What others need is done in any case: no tenant is
    /// edited that was not created.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Phase>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the benchmark that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// Tenants are created, beside a raw writer of the same objects.
    Create,
    /// Nothing happens for a minute.
    Rest,
    /// Changes by hand.
    Drift,
    /// An edit of the profile, beside raw patches.
    Edit,
    /// The operator is stopped and killed.
    Restart,
    /// 190 tenants beside ten whose writes hang; on a control plane of its own.
    Poisoned,
}

impl Options {
    fn wants(&self, phase: Phase) -> bool {
        self.only.is_empty() || self.only.contains(&phase)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut table = Table::default();
    let result = both(&options, &mut table).await;
    table.print();
    if let Some(file) = &options.json {
        std::fs::write(file, table.json()? + "\n")?;
    }
    result
}

/// Everything about many tenants, and then about the poisoned: each on a control plane of its own,
/// so that neither waits for what the other has left there, and one that fails leaves the other.
async fn both(options: &Options, table: &mut Table) -> anyhow::Result<()> {
    let many = [Phase::Create, Phase::Rest, Phase::Drift, Phase::Edit, Phase::Restart];
    let mut result = Ok(());
    if many.into_iter().any(|phase| options.wants(phase)) {
        result = Run::new(options.tenants).await?.many(table, options).await;
    }
    if options.wants(Phase::Poisoned) {
        result = result.and(Run::new(HEALTHY.min(options.tenants)).await?.poisoned(table).await);
    }
    result
}

fn say(what: &str) {
    eprintln!("{} {what}", Timestamp::now().strftime("%H:%M:%S"));
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix}{i:04}")).collect()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Where something stands in a sorted list, in milliseconds.
fn percentile(sorted: &[Duration], of_100: usize) -> f64 {
    let at = (sorted.len() * of_100).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}

/// Whether a write made an object of a stack.
fn made(write: &Write) -> bool {
    let of_stack = Kind::ALL.iter().any(|k| k.resource().plural == write.resource);
    of_stack && write.code == 201
}

/// Tenants beside the ten poisoned, where no fewer are asked for.
const HEALTHY: usize = 190;

struct Run {
    ground: Ground,
    client: Client,
    writer: raw::Writer,
    audit: Audit,
    profile: Value,
    n: usize,
}

impl Run {
    fn spec(&self) -> anyhow::Result<Arc<DeploymentProfileSpec>> {
        Ok(Arc::new(serde_json::from_value(self.profile["spec"].clone())?))
    }

    async fn apply_profile(&self) -> anyhow::Result<()> {
        let url = "/apis/tenantry.dev/v1alpha1/deploymentprofiles/dev";
        raw::apply(&self.client, url, &self.profile).await.map(|_| ())
    }

    /// On a control plane of its own.
    async fn new(n: usize) -> anyhow::Result<Self> {
        say("starting a control plane");
        let ground = Ground::start()?;
        ground.account()?;
        let client = ground.client().await?;
        let mut profile = lab::example("profile-dev.yaml")?;
        profile["spec"]["rollout"] = json!({ "maxInFlight": "100%" });
        let (writer, audit) =
            (raw::Writer::new(client.clone()).await?, Audit::from_now(ground.path("audit.log"))?);
        Ok(Self { ground, client, writer, audit, profile, n })
    }

    async fn operator(&self) -> anyhow::Result<Operator> {
        let operator = Operator::start(&self.ground, raw::CONCURRENCY)?;
        operator.in_sync(0).await?;
        Ok(operator)
    }

    async fn many(&mut self, table: &mut Table, options: &Options) -> anyhow::Result<()> {
        let (half, rest) = (names("a", self.n / 2), names("b", self.n - self.n / 2));
        let spec = self.spec()?;
        // Raw patches need the raw writer's objects too.
        let compared = options.wants(Phase::Create) || options.wants(Phase::Edit);
        let mut raw = 0.0;
        if compared {
            say("raw writer, first half");
            raw += self.writer.write(half.clone(), &spec, None).await?;
            self.audit.settle().await?;
        }
        let mut operator = self.operator().await?;
        let took = self.create(table, &operator).await?;
        if compared {
            say("raw writer, second half");
            raw += self.writer.write(rest.clone(), &spec, None).await?;
            table.note("raw writer: the same objects", raw, "s");
            table.goal("operator / raw writer, all objects there", took / raw, "ratio", 1.25);
            self.audit.settle().await?;
        }
        if options.wants(Phase::Rest) {
            self.rest(table).await?;
        }
        if options.wants(Phase::Drift) {
            self.drift(table, options.edits).await?;
        }
        if options.wants(Phase::Edit) {
            self.edit(table, &operator, [half, rest].concat()).await?;
        }
        if options.wants(Phase::Restart) {
            operator = self.restart(table, operator).await?;
        }
        operator.stop()
    }

    async fn create(&mut self, table: &mut Table, operator: &Operator) -> anyhow::Result<f64> {
        self.apply_profile().await?;
        self.audit.settle().await?;
        let per_tenant = raw::objects("t0000", &*self.spec()?)?.len();
        table.note("tenants", self.n as f64, "count");
        table.note("objects per tenant", per_tenant as f64, "count");
        say("tenants");
        let (started, cpu) = (Timestamp::now(), operator.cpu());
        raw::tenants(&self.client, names("t", self.n)).await?;
        say("every tenant is applied");
        let (mut writes, last) = self.audit.until(self.n * per_tenant, made).await?;
        let took = seconds(started, last);
        table.note("operator: all objects there", took, "s");
        writes.extend(self.audit.settle().await?);
        self.ready().await?;
        table.note("operator: processor time until Ready", operator.cpu() - cpu, "s");
        table.goal("operator VmRSS, all tenants Ready", operator.memory("VmRSS")?, "MiB", 64.0);
        table.goal("operator VmHWM", operator.memory("VmHWM")?, "MiB", 64.0);
        self.count(table, &writes);
        Ok(took)
    }

    /// Every tenant says that it is ready.
    async fn ready(&self) -> anyhow::Result<()> {
        let api: Api<Tenant> = Api::all(self.client.clone());
        for _ in 0..120 {
            let all = api.list(&kube::api::ListParams::default()).await?;
            let ready = |t: &&Tenant| {
                let status = t.status.as_ref();
                let ready = |s: &crds::TenantStatus| {
                    crds::conditions::is_true(&s.conditions, crds::conditions::READY)
                };
                status.is_some_and(ready)
            };
            if all.items.iter().filter(ready).count() == all.items.len() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        anyhow::bail!("not every tenant is Ready")
    }

    /// The writes beside those that made the objects, by kind.
    fn count(&self, table: &mut Table, writes: &[Write]) {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for write in writes.iter().filter(|w| !made(w)) {
            let refused =
                if write.code >= 300 { format!(" ({})", write.code) } else { String::new() };
            *kinds.entry(format!("{} {}{refused}", write.verb, write.resource)).or_default() += 1;
        }
        let of_profile = |kind: &str| kind.contains("deploymentprofiles");
        let per_tenant = |count: usize| count as f64 / self.n as f64;
        let all = kinds.iter().filter(|(kind, _)| !of_profile(kind)).map(|(_, count)| count).sum();
        table.goal("writes beyond its objects", per_tenant(all), "per tenant", 3.0);
        for (kind, count) in &kinds {
            if of_profile(kind) {
                table.note(&format!("… {kind}"), *count as f64, "in all");
            } else {
                table.note(&format!("… {kind}"), per_tenant(*count), "per tenant");
            }
        }
    }

    async fn rest(&mut self, table: &mut Table) -> anyhow::Result<()> {
        say("at rest");
        self.audit.writes()?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let writes = self.audit.writes()?;
        table.goal("writes at rest, leases excepted", writes.len() as f64 * 60.0, "per hour", 0.0);
        Ok(())
    }

    async fn drift(&mut self, table: &mut Table, edits: usize) -> anyhow::Result<()> {
        say("changes by hand");
        let latencies = drift::run(&self.client, &names("t", self.n), edits).await?;
        table.note("changes by hand", latencies.len() as f64, "count");
        table.note("a change undone, p50", percentile(&latencies, 50), "ms");
        table.goal("a change undone, p99", percentile(&latencies, 99), "ms", 250.0);
        table.note("a change undone, longest", percentile(&latencies, 100), "ms");
        self.audit.settle().await?;
        Ok(())
    }

    /// As many raw patches before the operator's turn as after it, each time as many as it has
    /// tenants: what controllers make of a patch takes longer than the patch, so that in a series
    /// half as long the last would not have met it.
    async fn edit(
        &mut self,
        table: &mut Table,
        operator: &Operator,
        names: Vec<String>,
    ) -> anyhow::Result<()> {
        say("a profile edit: raw patches");
        let core = Some((Kind::Deployment, "/core"));
        self.greet("Hello before");
        let mut raw = self.writer.write(names.clone(), &self.spec()?, core).await?;
        self.audit.settle().await?;
        say("a profile edit");
        self.greet("Hello again");
        let (started, cpu) = (Timestamp::now(), operator.cpu());
        self.apply_profile().await?;
        let reached = |w: &Write| w.resource == "deployments" && w.code == 200;
        let (mut writes, last) = self.audit.until(self.n, reached).await?;
        let (took, cpu) = (seconds(started, last), operator.cpu() - cpu);
        let told = |writes: &[Write]| {
            writes.iter().filter(|w| w.resource == "tenants/status").count() as f64 / self.n as f64
        };
        let meanwhile = told(&writes);
        writes.extend(self.audit.settle().await?);
        say("a profile edit: raw patches");
        raw += self.writer.write(names, &self.spec()?, core).await?;
        raw /= 2.0;
        table.note("profile edit: raw patches", raw, "s");
        table.note("profile edit: all tenants reached", took, "s");
        table.goal("profile edit / raw patches", took / raw, "ratio", 1.25);
        table.note("profile edit: processor time of the operator", cpu, "s");
        table.note("profile edit: status writes", told(&writes), "per tenant");
        table.note("… of them before the last was reached", meanwhile, "per tenant");
        self.audit.settle().await?;
        Ok(())
    }

    fn greet(&mut self, words: &str) {
        let env = json!([{ "name": "GREETING", "value": words }]);
        self.profile["spec"]["services"][0]["env"] = env;
    }

    /// A stop and a start, then a kill and a start.
    async fn restart(&mut self, table: &mut Table, old: Operator) -> anyhow::Result<Operator> {
        say("restarts");
        old.stop()?;
        self.audit.writes()?;
        let next = Operator::start(&self.ground, raw::CONCURRENCY)?;
        let [ready, leads, looked] = next.in_sync(self.n).await?;
        table.note("restart: /readyz", ready.as_secs_f64(), "s");
        table.note("restart: lease held", leads.as_secs_f64(), "s");
        table.goal("restart: one full pass", looked.as_secs_f64(), "s", 5.0);
        table.note("restart: VmRSS after the pass", next.memory("VmRSS")?, "MiB");
        table.note("restart: VmHWM", next.memory("VmHWM")?, "MiB");
        tokio::time::sleep(Duration::from_secs(5)).await;
        table.goal("restart: writes", self.audit.writes()?.len() as f64, "count", 0.0);
        drop(next);
        let last = Operator::start(&self.ground, raw::CONCURRENCY)?;
        let [_, leads, looked] = last.in_sync(self.n).await?;
        table.note("killed: lease held (others wait 15 s)", leads.as_secs_f64(), "s");
        table.note("killed: one full pass", looked.as_secs_f64(), "s");
        Ok(last)
    }

    /// Twice without and twice with poisoned tenants, so that what grows meanwhile evens out.
    async fn poisoned(&mut self, table: &mut Table) -> anyhow::Result<()> {
        say("poisoned tenants");
        self.apply_profile().await?;
        let operator = self.operator().await?;
        let per_tenant = raw::objects("t0000", &*self.spec()?)?.len();
        let _poison = poison::Poison::pour(&self.client).await?;
        let mut times = [0.0, 0.0];
        for (prefix, poisoned) in [("c", 0), ("d", 1), ("e", 1), ("f", 0)] {
            if poisoned == 1 {
                raw::tenants(&self.client, names(&format!("poison{prefix}"), 10)).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let healthy = names(prefix, self.n);
            self.audit.writes()?;
            let started = Timestamp::now();
            raw::tenants(&self.client, healthy).await?;
            let of_healthy =
                |w: &Write| made(w) && w.namespace.starts_with(&format!("tenant-{prefix}"));
            let (_, last) = self.audit.until(self.n * per_tenant, of_healthy).await?;
            times[poisoned] += seconds(started, last);
            for name in names(&format!("poison{prefix}"), poisoned * 10) {
                let api: Api<Tenant> = Api::all(self.client.clone());
                api.delete(&name, &kube::api::DeleteParams::default()).await?;
            }
            self.audit.settle().await?;
        }
        table.note(&format!("{} tenants, healthy", self.n), times[0] / 2.0, "s");
        table.note(&format!("{} tenants beside 10 poisoned", self.n), times[1] / 2.0, "s");
        let delay = (times[1] / times[0] - 1.0) * 100.0;
        let measure = format!("delay of healthy tenants by 10 poisoned of {}", self.n + 10);
        table.goal(&measure, delay, "%", 5.0);
        operator.stop()
    }
}
