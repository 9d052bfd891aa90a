//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRef;

use super::Metrics;
use super::audit::overrides::Told;
use crate::auth::Authenticator;
use crate::auth::caller::Clock;
use crate::backup::vault::Vault;
use crate::cluster::profiles::Profiles;
use crate::domain::catalogue::Catalogue;
use crate::domain::webhook::Range;
use crate::http::cursor::Cursors;
use crate::ledger::{Ledger, rejects::Rejects};

/// The state of the server. Clones are the same.
#[derive(Clone)]
pub struct App {
    /// Who may come in.
    pub authenticator: Authenticator,
    /// What time it is.
    pub clock: Clock,
    /// The plans.
    pub catalogue: Arc<Catalogue>,
    /// What the installation was told of plans.
    pub told: Arc<Told>,
    /// What was used.
    pub ledger: Ledger,
    /// What was sent and not taken.
    pub rejects: Rejects,
    /// Where gateways' backups are kept, if they are.
    pub vault: Option<Arc<Vault>>,
    /// What is known of the cluster's profiles; none without a cluster.
    pub profiles: Option<Profiles>,
    /// Whether tenants are made of approved requests.
    pub provides: bool,
    /// Where webhooks may go beside the internet.
    pub webhooks: Arc<[Range]>,
    /// The cursors of lists.
    pub cursors: Cursors,
    /// What is counted.
    pub metrics: Metrics,
}

impl FromRef<App> for Authenticator {
    fn from_ref(app: &App) -> Self {
        app.authenticator.clone()
    }
}
