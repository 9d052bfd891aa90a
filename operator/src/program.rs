//! What the program `tenantry-operator` does, from its arguments to its exit code.

use std::process::ExitCode;

use clap::Parser;
use telemetry::{
    Telemetry,
    health::{Checks, Server},
    healthcheck,
    shutdown::{self, Shutdown},
};

use crate::config::{Command, Config};
use crate::metrics::Metrics;
use crate::rbac;
use crate::run::{self, Settings};

/// Does what the arguments say. Ends the process itself where they are wrong or ask for help.
#[tokio::main]
pub async fn main() -> ExitCode {
    let config = Config::parse();
    let result = match config.command {
        Some(Command::Manifests { without_namespace: false }) => {
            print(rbac::manifests(&config.namespace))
        }
        Some(Command::Manifests { without_namespace: true }) => {
            print(rbac::rights(&config.namespace))
        }
        Some(Command::Healthcheck(args)) => healthcheck::run(args).await,
        None => operate(config).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "stopped");
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn operate(config: Config) -> anyhow::Result<()> {
    let telemetry = Telemetry::init(telemetry::Config {
        service_name: "tenantry-operator",
        service_version: env!("CARGO_PKG_VERSION"),
        log_filter: config.log.clone(),
        log_format: config.log_format,
        otlp_endpoint: config.otlp_endpoint.clone(),
    })?;
    telemetry.build_info(&[]);
    let signalled = shutdown::signal()?;
    let checks = Checks::new();
    let client = run::client().await?;
    let metrics = Metrics::new(&telemetry.meter("tenantry-operator"));
    let settings = Settings {
        namespace: config.namespace,
        identity: config.identity.unwrap_or_else(identity),
        concurrency: config.concurrency.into(),
    };
    let (stop, stop_health) = (Shutdown::new(), Shutdown::new());
    let server = Server::bind(config.health_address, &checks, telemetry.registry()).await?;
    tracing::info!(address = %server.local_addr(), identity = settings.identity, "health endpoints answer");
    let health = server.run(stop_health.clone());
    let work = run::run(client, settings, checks, metrics, stop.clone());
    tokio::pin!(health, work);
    let result = tokio::select! {
        result = &mut work => result,
        () = &mut health => Err(anyhow::anyhow!("the health server ended")),
        signal = signalled => {
            tracing::info!(signal, "stopping");
            stop.cancel();
            work.await
        }
    };
    stop_health.cancel();
    telemetry.shutdown().await;
    result
}

/// The pod's name in a cluster, else the host's and the process's.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "operator".to_owned());
    format!("{host}-{}", std::process::id())
}

#[expect(clippy::print_stdout, reason = "the subcommand's output")]
fn print(text: Result<String, String>) -> anyhow::Result<()> {
    print!("{}", text.map_err(anyhow::Error::msg)?);
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the last word of a program that fails before it can log")]
fn complain(error: &anyhow::Error) {
    eprintln!("tenantry-operator: {error:#}");
}
