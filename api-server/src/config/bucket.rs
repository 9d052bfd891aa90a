//! The bucket that backups of tenants go to, as flags and environment say.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use crate::backup::bucket::Settings;

/// Which bucket, if any. Its credentials are files, so no argument takes them.
#[derive(Args, Clone, Debug)]
pub struct BucketArgs {
    /// The address of a store that speaks the S3 API, such as https://s3.eu-central-1.amazonaws.com: backups of
    /// tenants go to a bucket of it, and none stay in --backups. http alone on this machine or in the
    /// cluster.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS_S3_ENDPOINT")]
    backups_s3_endpoint: Option<String>,
    /// The bucket.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS_S3_BUCKET")]
    backups_s3_bucket: Option<String>,
    /// The bucket's region, as requests are signed for it.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS_S3_REGION", default_value = "us-east-1")]
    backups_s3_region: String,
    /// Where in the bucket, such as prod/tenants; all of it without.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS_S3_PREFIX", default_value = "")]
    backups_s3_prefix: String,
    /// A folder with the credentials, such as a mounted Secret: the files access-key-id and
    /// secret-access-key, and session-token where the key has one. They are read anew for each request.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS_S3_CREDENTIALS")]
    backups_s3_credentials: Option<PathBuf>,
    /// A file (PEM) with authorities of the store's certificate, beside the system's.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS_S3_CA_FILE")]
    backups_s3_ca_file: Option<PathBuf>,
}

impl BucketArgs {
    /// The bucket; none without an address.
    ///
    /// # Errors
    /// When something of it is missing, or given without an address.
    pub fn settings(&self) -> anyhow::Result<Option<Settings>> {
        let Some(endpoint) = self.backups_s3_endpoint.clone() else {
            let alone = self.backups_s3_bucket.is_none() && self.backups_s3_credentials.is_none();
            ensure!(
                alone,
                "a bucket is given without its store: give --backups-s3-endpoint \
                 (TENANTRY_BACKUPS_S3_ENDPOINT) too"
            );
            return Ok(None);
        };
        let missing = |flag: &str, variable: &str| {
            format!("--backups-s3-endpoint is given without {flag} ({variable}): give both")
        };
        let name = self
            .backups_s3_bucket
            .clone()
            .with_context(|| missing("--backups-s3-bucket", "TENANTRY_BACKUPS_S3_BUCKET"))?;
        let credentials = self.backups_s3_credentials.clone().with_context(|| {
            missing("--backups-s3-credentials", "TENANTRY_BACKUPS_S3_CREDENTIALS")
        })?;
        Ok(Some(Settings {
            endpoint,
            name,
            region: self.backups_s3_region.clone(),
            prefix: self.backups_s3_prefix.clone(),
            credentials,
            ca_file: self.backups_s3_ca_file.clone(),
        }))
    }
}
