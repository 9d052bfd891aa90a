//! `api-server routine`: the rounds of customer success, Finance and auditors, over HTTP.
//!
//! What a round finds comes from a running server, under a token of its own: so it runs anywhere, needs
//! no part of the ledger, and may do no more than its scope.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::gateway::answer::words;
use crate::gateway::plane::ControlPlane;

mod erase;
mod keep;
mod patience;
mod rows;
mod written;

use keep::{Keep, Mark};
use patience::Patience;
use rows::Format;
use written::{Series, Written};

/// Whom to ask, and where to keep the answer.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The API server's address.
    #[arg(long, global = true, env = "TENANTRY_SERVER", default_value = "http://localhost:8080")]
    server: String,
    /// A file with a token that has the round's scope.
    #[arg(long, global = true, env = "TENANTRY_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// A file with certificates to trust beside the usual ones.
    #[arg(long, global = true, env = "TENANTRY_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// The folder that gets a file named by round and day; a second round of the day replaces it.
    /// Standard output without it.
    #[arg(long, global = true, env = "TENANTRY_ROUTINES")]
    to: Option<PathBuf>,
    /// How many files of the round stay in the folder, this one among them. Of older ones those go that
    /// were written with this flag and that nobody changed since; all stay without it.
    #[arg(long, global = true, env = "TENANTRY_ROUTINES_KEEP", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    keep: Option<u32>,
    /// For how many seconds to try while the server is busy or away.
    #[arg(long, global = true, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: u64,
    #[command(subcommand)]
    round: Round,
}

#[derive(clap::Subcommand, Debug)]
enum Round {
    /// Whom to call today: accounts with health below 0.75 or above 95 % of a quota, the worst first,
    /// each with the factor that costs most and the change that helps most. Scope billing:read and
    /// role CustomerSuccessManager.
    Triage {
        /// As what it is written.
        #[arg(long, value_enum, default_value = "text")]
        format: TriageFormat,
    },
    /// All accounts for a CRM. What was interrupted goes on where it was. Scope billing:export.
    Crm {
        /// As what it is written.
        #[arg(long, value_enum, default_value = "csv")]
        format: TableFormat,
    },
    /// What accounts cost beyond their base fees, by the ledger and as projected. Scope
    /// billing:export.
    Overages {
        /// As what it is written.
        #[arg(long, value_enum, default_value = "csv")]
        format: TableFormat,
        /// `current`, `previous`, or a date in the period.
        #[arg(long, default_value = "current")]
        period: String,
    },
    /// How support kept what plans promise, a week by account. Scope billing:export.
    Support {
        /// As what it is written.
        #[arg(long, value_enum, default_value = "csv")]
        format: TableFormat,
        /// A date in the week; the last one that is over unless given.
        #[arg(long)]
        week: Option<Date>,
    },
    /// Key figures of a month that name nobody. Scope billing:export.
    Kpis {
        /// As what it is written.
        #[arg(long, value_enum, default_value = "csv")]
        format: TableFormat,
        /// Such as 2026-10; the last one that is over unless given.
        #[arg(long)]
        month: Option<String>,
        /// How many accounts a group has at least.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(5..=1000))]
        min_group_size: u32,
    },
    /// What is kept longer than it may be. Scope billing:audit.
    Retention {
        /// As what it is written.
        #[arg(long, value_enum, default_value = "csv")]
        format: TableFormat,
        /// For how many days contacts of requests may be kept that nobody took on.
        #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=3650))]
        contact_days: u32,
        /// For how many days further attributes of events may be kept; not looked at unless given.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3650))]
        attribute_days: Option<u32>,
        /// Erase the contacts that are overdue, after they were written down. Needs the scope
        /// privacy:erase too.
        #[arg(long)]
        erase: bool,
    },
    /// What the installation changed of the shipped price list. Scope billing:audit.
    Overrides {
        /// As what it is written.
        #[arg(long, value_enum, default_value = "csv")]
        format: TableFormat,
    },
    /// The hand-off brief of one request. Scope onboarding:approve and role CustomerSuccessManager.
    Brief {
        /// The request's id.
        id: uuid::Uuid,
        /// As what it is written.
        #[arg(long, value_enum, default_value = "html")]
        format: BriefFormat,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TriageFormat {
    /// A few lines for each account.
    Text,
    /// A line of JSON for each.
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TableFormat {
    /// Comma-separated values, safe to open in a spreadsheet.
    Csv,
    /// A line of JSON for each row.
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum BriefFormat {
    /// A page to print.
    Html,
    /// JSON.
    Json,
}

impl From<TableFormat> for Format {
    fn from(format: TableFormat) -> Self {
        match format {
            TableFormat::Csv => Self::Csv,
            TableFormat::Ndjson => Self::Ndjson,
        }
    }
}

/// What a round asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Errand {
    /// The file's name, without day and ending.
    name: String,
    /// The first page.
    path: String,
    format: Format,
}

impl Errand {
    fn of(round: &Round) -> anyhow::Result<Self> {
        let table = |name: &str, path: String, format: TableFormat| Self {
            name: name.to_owned(),
            path: match format {
                TableFormat::Csv => path + "format=csv",
                TableFormat::Ndjson => path + "format=json",
            },
            format: format.into(),
        };
        Ok(match round {
            Round::Triage { format } => Self {
                name: "triage".to_owned(),
                path: "/billing/usage/triage".to_owned(),
                format: match format {
                    TriageFormat::Text => Format::Calls,
                    TriageFormat::Ndjson => Format::Ndjson,
                },
            },
            Round::Crm { format } => table("crm", "/exports/crm?".to_owned(), *format),
            Round::Overages { format, period } => {
                let period = plain("--period", period)?;
                let path = format!("/exports/overages?period={period}&");
                table(&format!("overages-{period}"), path, *format)
            }
            Round::Support { format, week } => {
                let week = week.map(|day| format!("week={day}&")).unwrap_or_default();
                table("support", format!("/exports/support?{week}"), *format)
            }
            Round::Kpis { format, month, min_group_size } => {
                let month = month.as_ref().map(|month| plain("--month", month)).transpose()?;
                let month = month.map(|month| format!("month={month}&")).unwrap_or_default();
                let path = format!("/exports/kpis?{month}min_group_size={min_group_size}&");
                table("kpis", path, *format)
            }
            Round::Retention { format, contact_days, attribute_days, .. } => {
                table("retention", retention(*contact_days, *attribute_days), *format)
            }
            Round::Overrides { format } => {
                table("overrides", "/audit/overrides?".to_owned(), *format)
            }
            Round::Brief { id, format } => {
                let (format, ending) = match format {
                    BriefFormat::Html => (Format::Html, "html"),
                    BriefFormat::Json => (Format::Json, "json"),
                };
                let path = format!("/onboarding/{id}/brief?format={ending}");
                Self { name: format!("brief-{id}"), path, format }
            }
        })
    }

    /// Its files of all days.
    fn series(&self) -> Series {
        Series { name: self.name.clone(), ending: self.format.ending() }
    }
}

/// A value that stands in a path and a file's name as it is.
fn plain<'a>(flag: &str, text: &'a str) -> anyhow::Result<&'a str> {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    ensure!(letters && !text.is_empty(), "{flag} {text:?}: see --help for what it can be");
    Ok(text)
}

fn retention(contact_days: u32, attribute_days: Option<u32>) -> String {
    let attributes = attribute_days.map(|days| format!("attribute_days={days}&"));
    format!("/audit/retention?contact_days={contact_days}&{}", attributes.unwrap_or_default())
}

/// Makes the round.
///
/// # Errors
/// Why it was not made; what was kept of it until then is gone on from the next time.
pub async fn run(args: Args) -> anyhow::Result<()> {
    // Another provider that is there already serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let errand = Errand::of(&args.round)?;
    ensure!(
        args.keep.is_none() || args.to.is_some(),
        "--keep (TENANTRY_ROUTINES_KEEP) counts files of a folder: give --to (TENANTRY_ROUTINES) too"
    );
    let token = args.token_file.as_ref().context(
        "no token: give --token-file (TENANTRY_TOKEN_FILE), a file with a token of the installation's issuer",
    )?;
    let server = ControlPlane::server(&args.server, args.ca_file.as_deref(), token)?;
    let patience = Patience::of(args.patience);
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let written = make(&args, &server, &errand, day, patience).await?;
    if let Round::Retention { erase: true, contact_days, .. } = args.round {
        let (erased, more) =
            erase::contacts(&server, &written, (contact_days, day), patience).await?;
        let more = if more { "; more are overdue: make the round again" } else { "" };
        writeln!(io::stdout(), "erased the contacts of {erased} requests{more}")?;
    }
    Ok(())
}

/// Makes the round; answers whose contacts it wrote down as overdue, if it is to erase them.
async fn make(
    args: &Args,
    server: &ControlPlane,
    errand: &Errand,
    day: Date,
    patience: Patience,
) -> anyhow::Result<Vec<String>> {
    let erases = matches!(args.round, Round::Retention { erase: true, .. });
    let overdue = |text: &str| match erases {
        true => erase::overdue(errand.format, text),
        false => Ok(Vec::new()),
    };
    let Some(folder) = &args.to else {
        let mut out = io::stdout().lock();
        let (mut next, mut written) = (Some(errand.path.clone()), Vec::new());
        while let Some(path) = next.take() {
            let (text, after) = asked(server, errand, &path, patience).await?;
            out.write_all(text.as_bytes())?;
            written.extend(overdue(&text)?);
            next = after;
        }
        return Ok(written);
    };
    let series = errand.series();
    let name = series.file(day);
    let written = args.keep.map(|keep| Written::new(folder, series, keep));
    let mut keep = Keep::new(folder, &name)?;
    let mut mark = keep.resume(&errand.path)?;
    while let Some(path) = mark.next.clone() {
        let page = asked(server, errand, &path, patience).await;
        if page.as_ref().is_err_and(|error| error.is::<Unknown>()) {
            keep.forget();
        }
        let (text, after) = page?;
        mark = keep.add(&Mark { next: after, ..mark }, text.as_bytes())?;
    }
    if let Some(written) = &written {
        // Before it is there: of one that is, it must be known who wrote it.
        written.note(&name, keep.part())?;
    }
    let file = keep.finish()?;
    writeln!(io::stdout(), "{}: {} bytes", file.display(), mark.bytes)?;
    for gone in written.map_or(Ok(Vec::new()), |written| written.prune(&name))? {
        writeln!(io::stdout(), "removed {gone}")?;
    }
    if !erases {
        return Ok(Vec::new());
    }
    // What an earlier round left half done is in it, too.
    overdue(&std::fs::read_to_string(file).with_context(|| file.display().to_string())?)
}

/// The server does not know the page, as when it has another ledger by now.
#[derive(Debug, thiserror::Error)]
#[error("the API server answered {0}; the round begins anew the next time")]
struct Unknown(String);

/// A page as it is kept, and the path of the next one.
async fn asked(
    server: &ControlPlane,
    errand: &Errand,
    path: &str,
    patience: Patience,
) -> anyhow::Result<(String, Option<String>)> {
    let first = path == errand.path;
    loop {
        let (why, wait) = match server.page(path).await {
            Err(why) => (why, None),
            Ok((answered, next)) => match answered.status {
                200 => {
                    let text = String::from_utf8(answered.body).context("the answer is no text")?;
                    return rows::kept(errand.format, &text, first, next);
                }
                400 => return Err(Unknown(words(&answered)).into()),
                408 | 429 | 500.. => (words(&answered), answered.retry_after),
                _ => bail!("the API server answered {} to {path}", words(&answered)),
            },
        };
        if !patience.lasts(wait).await {
            bail!("{why}; run it again, and it goes on where it was");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_its_path_and_file() {
        let day = Date::constant(2026, 11, 29);
        let crm = Errand::of(&Round::Crm { format: TableFormat::Csv }).unwrap();
        assert_eq!(
            (crm.path.as_str(), crm.series().file(day)),
            ("/exports/crm?format=csv", "crm-2026-11-29.csv".to_owned())
        );
        let period = "previous".to_owned();
        let overages = Errand::of(&Round::Overages { format: TableFormat::Ndjson, period });
        let overages = overages.unwrap();
        assert_eq!(overages.path, "/exports/overages?period=previous&format=json");
        assert_eq!(overages.series().file(day), "overages-previous-2026-11-29.ndjson");
    }

    #[test]
    fn a_period_names_no_path() {
        for period in ["", "../x", "a&b", "2026/11"] {
            let round = Round::Overages { format: TableFormat::Csv, period: period.to_owned() };
            assert!(Errand::of(&round).is_err(), "{period}");
        }
    }
}
