//! A folder of manifests: one file per tenant, made once, never written again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use crds::{INTAKE, Tenant};
use kube::ResourceExt;

use super::{Delivered, Undelivered};

/// The largest file that is looked into for who has a name.
const LARGEST: u64 = 1 << 20;

/// A folder of manifests.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// This folder; made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("folder of manifests {}", path.display());
        std::fs::create_dir_all(path).with_context(named)?;
        tempfile::tempfile_in(path).with_context(named)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Writes a tenant's manifest, `NAME.yaml`, unless there is a file of that name: that is left as
    /// it is, also when people edited what was written here.
    ///
    /// # Errors
    /// [`Undelivered`] when the file cannot be made, or not be read where one stands.
    pub(super) fn deliver(&self, tenant: &Tenant) -> Result<Delivered, Undelivered> {
        let text = super::manifest::yaml(tenant)?;
        let file = self.path.join(format!("{}.yaml", tenant.name_any()));
        match self.create(&file, &text) {
            Ok(()) => Ok(Delivered::Made),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => known(&file, tenant),
            Err(error) => Err(Undelivered::Away(format!("{}: {error}", file.display()))),
        }
    }

    /// Whole or not at all, and never over another file: it is written beside, then linked.
    fn create(&self, file: &Path, text: &str) -> io::Result<()> {
        let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.path)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        // Others read it: it holds no secret.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        new.as_file().set_permissions(mode)?;
        new.persist_noclobber(file).map_err(|error| error.error)?;
        std::fs::File::open(&self.path)?.sync_all()
    }
}

/// Whose file that is.
fn known(file: &Path, tenant: &Tenant) -> Result<Delivered, Undelivered> {
    let refused = |error: io::Error| Undelivered::Refused(format!("{}: {error}", file.display()));
    let size = std::fs::metadata(file).map_err(refused)?.len();
    if size > LARGEST {
        return Ok(Delivered::Taken(format!("{} is no manifest of ours", file.display())));
    }
    let text = std::fs::read_to_string(file).map_err(refused)?;
    let theirs: Option<Tenant> = serde_saphyr::from_str(&text).ok();
    let id = theirs.as_ref().and_then(|theirs| theirs.annotations().get(INTAKE));
    Ok(match id {
        Some(id) if tenant.annotations().get(INTAKE) == Some(id) => Delivered::Made,
        Some(id) => Delivered::Taken(format!("{} is of request {id}", file.display())),
        None => Delivered::Taken(format!("{} is of no request", file.display())),
    })
}
