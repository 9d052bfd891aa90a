//! The cluster: a Tenant is created there, once.

use std::time::Duration;

use crds::{INTAKE, Tenant};
use kube::{Api, Client, ResourceExt, api::PostParams, core::Status};

use super::{Delivered, Undelivered};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cluster's Tenants.
#[derive(Clone)]
pub struct Cluster {
    tenants: Api<Tenant>,
}

impl Cluster {
    /// Those that this client reaches.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { tenants: Api::all(client) }
    }

    /// Creates a Tenant, unless there is one of its name: that is left as it is.
    ///
    /// # Errors
    /// [`Undelivered`] when it was not created, as far as is known.
    pub(super) async fn deliver(&self, tenant: &Tenant) -> Result<Delivered, Undelivered> {
        let params = PostParams {
            field_manager: Some(crds::API_SERVER.to_owned()),
            ..PostParams::default()
        };
        match within(self.tenants.create(&params, tenant)).await? {
            Ok(_) => Ok(Delivered::Made),
            Err(kube::Error::Api(status)) if status.code == 409 => self.known(tenant).await,
            Err(error) => Err(undelivered(error)),
        }
    }

    /// Whose Tenant has the name.
    async fn known(&self, tenant: &Tenant) -> Result<Delivered, Undelivered> {
        let name = tenant.name_any();
        let there = within(self.tenants.get_opt(&name)).await?.map_err(undelivered)?;
        let Some(there) = there else {
            return Err(Undelivered::Refused(format!("tenant {name} was there and is gone")));
        };
        let of = there.annotations().get(INTAKE);
        Ok(match of {
            Some(id) if tenant.annotations().get(INTAKE) == Some(id) => Delivered::Made,
            Some(id) => Delivered::Taken(format!("tenant {name} is of request {id}")),
            None => Delivered::Taken(format!("tenant {name} is of no request")),
        })
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

async fn within<T>(
    request: impl Future<Output = kube::Result<T>>,
) -> Result<kube::Result<T>, Undelivered> {
    tokio::time::timeout(PATIENCE, request).await.map_err(|_| {
        Undelivered::Away(format!(
            "the Kubernetes API did not answer within {} s",
            PATIENCE.as_secs()
        ))
    })
}

/// What an error says of others: an object that is not valid is alone in that.
fn undelivered(error: kube::Error) -> Undelivered {
    match error {
        kube::Error::Api(status) => refused(&status),
        error => Undelivered::Away(format!("the Kubernetes API cannot be reached: {error}")),
    }
}

fn refused(status: &Status) -> Undelivered {
    let message = &status.message;
    match status.code {
        400 | 422 => Undelivered::Refused(format!("the Kubernetes API refuses it: {message}")),
        401 | 403 => Undelivered::Away(format!(
            "may not make tenants: {message}; the chart allows it with apiServer.cluster.onboarding"
        )),
        404 => Undelivered::Away(format!(
            "the cluster has no Tenants: {message}; install the chart's definitions"
        )),
        _ => Undelivered::Away(format!("the Kubernetes API: {message}")),
    }
}
