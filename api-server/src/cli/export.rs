//! `api-server export`

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::config::LedgerPlace;
use crate::domain::account::AccountId;
use crate::export::{self, Counts, Form, Records, Wanted};
use crate::store::Store;

/// What to export, and where to. Servers may be working on the ledger.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerPlace,
    /// Of this account; of all unless given. May be repeated.
    #[arg(long)]
    account: Vec<AccountId>,
    /// Which records; NDJSON takes several and has all of them unless told, CSV takes one kind.
    #[arg(long, value_enum, value_delimiter = ',')]
    records: Vec<Records>,
    /// As what they are written.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Form,
    /// The file, which must not be there yet; standard output without it.
    #[arg(long)]
    to: Option<PathBuf>,
    /// Leave out what may name people: dimensions, notes of corrections, who asked for a plan.
    #[arg(long)]
    without_personal_data: bool,
}

/// Exports a ledger.
///
/// # Errors
/// What keeps it from being whole; then there is no file.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let records = match (args.format, args.records.as_slice()) {
        (Form::Ndjson, []) => Records::ALL.to_vec(),
        (Form::Csv, [] | [_, _, ..]) => {
            bail!("a CSV table has one kind of record: give one, such as --records rows")
        }
        (_, some) => some.to_vec(),
    };
    let (accounts, personal) = (args.account, !args.without_personal_data);
    let wanted = Wanted { accounts, records, personal };
    let store = Store::attach(args.ledger.place()?)?;
    let done = match &args.to {
        None => {
            let mut out = BufWriter::new(io::stdout());
            export::write(&store, &wanted, args.format, &mut out).await
        }
        Some(to) => to_file(&store, &wanted, args.format, to).await,
    };
    store.close().await;
    let Counts { accounts, records } = done?;
    writeln!(io::stderr(), "{accounts} accounts, {records} records")?;
    Ok(())
}

/// A file that is there as a whole or not at all, for nobody else to read.
async fn to_file(store: &Store, wanted: &Wanted, form: Form, to: &Path) -> anyhow::Result<Counts> {
    ensure!(!to.exists(), "{} is there already: an export never replaces a file", to.display());
    let named = || to.display().to_string();
    let name = to.file_name().with_context(named)?.to_string_lossy();
    let part = Part(to.with_file_name(format!(".{name}.{}", uuid::Uuid::now_v7())));
    let mut options = OpenOptions::new();
    let file =
        options.write(true).create_new(true).mode(0o600).open(&part.0).with_context(named)?;
    let mut out = BufWriter::new(file);
    let counts = export::write(store, wanted, form, &mut out).await?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error).with_context(named)?;
    file.sync_all().with_context(named)?;
    // Never over another's file that came meanwhile.
    std::fs::hard_link(&part.0, to).with_context(named)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all()).with_context(named)?;
    Ok(counts)
}

/// A name that is gone at the end.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a part of an export was left");
        }
    }
}
